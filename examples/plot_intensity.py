"""
How often each player shoots from where
=======================================

Miller, Bornn, Adams and Goldsberry (2014) smooth the shots of each player and factorize the smoothed counts. Here one
fit to the counts does both. It is compared with smoothed counts and with their nonnegative factorization, on games that
none of the three has seen.
"""

# %%
# The data
# --------
# Shots of the 200 players with the most of them in the NBA season of 2013. Half of the games, at random, are for
# training. They are too large to come with the package: if the folder ``MRTL_DATA`` does not have them, this page uses
# simulated shots and prints a message.
import os
import warnings
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.special import xlogy
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid, MRTLRegressor
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.inspection import FactorDisplay, PredictionDisplay, draw_court
from sklearn_mrtl.preprocessing import ModeEncoder

rng = np.random.default_rng(0)
path = Path(os.environ.get("MRTL_DATA", "")) / "shots/shots_2004_2013.parquet"
if path.exists():
    shots = pd.read_parquet(path, columns=["season", "game_id", "player_id", "x", "y"]).query("season == 2013 & y < 47")
    names = pd.read_csv(path.with_name("players.csv")).set_index("player_id").iloc[:, 0]
else:
    print("MRTL_DATA has no shots: using simulated shots")
    simulated = make_shots(100_000, n_players=200, max_defenders=1, random_state=0)
    shots = pd.DataFrame({"game_id": rng.integers(1000, size=100_000), "player_id": simulated.data[:, 0].astype(int),
                          "x": simulated.data[:, 2] - 25, "y": simulated.data[:, 1]})  # fmt: skip
    names = pd.Series({player: f"player {player}" for player in range(200)})
players = shots.player_id.value_counts().index[:200]
shots = shots[shots.player_id.isin(players)].copy()
shots["fifth"] = shots.game_id.map({game: rng.integers(5) for game in shots.game_id.unique()})
in_training = shots.game_id.map({game: rng.random() < 0.5 for game in shots.game_id.unique()})
train, test = shots[in_training], shots[~in_training]
print(f"{len(train):,} shots to train, {len(test):,} to test")

# %%
# Counts and exposures
# --------------------
# A row is a player, a cell of one square foot, and a fifth of the training games; most of them have no shot. The target
# is a rate, shots for each game that the player took part in, and the number of these games is its weight.
court = Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)])


def counts_of(shots):
    """Return the shots of each player in each cell, (200, 50, 47), and the games of each player, (200,)."""
    edges = [np.arange(201) - 0.5, np.linspace(-25, 25, 51), np.linspace(0, 47, 48)]
    points = np.stack([players.get_indexer(shots.player_id), shots.x.clip(-24.99, 24.99), shots.y], axis=1)
    games = shots.groupby("player_id").game_id.nunique().reindex(players, fill_value=0).to_numpy()
    return np.histogramdd(points, edges)[0], games


def rows_of(counts, games):
    """Return a row for each player and cell."""
    player, x, y = np.meshgrid(players, *court.centers(), indexing="ij")
    exposure = np.broadcast_to(games[:, None, None], counts.shape)
    columns = {"player": player, "x": x, "y": y, "shots": counts, "games": exposure}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()}).query("games > 0")


counts, games = counts_of(train)
fifths = [rows_of(*counts_of(rows)).assign(fifth=fifth) for fifth, rows in train.groupby("fifth")]
rows = pd.concat(fifths, ignore_index=True)
print(f"{len(rows):,} rows, {(rows.shots > 0).mean():.1%} of them with shots")

# %%
# One fit
# -------
# The logarithm of the rate is a sum: a map that all players share, a number for each player, and the product of both,
# how each player differs from the common map. ``groups`` makes rank and penalties those that predict left-out games
# of known players; without it whole players would be left out.
encode = ModeEncoder(["player", (court, ["x", "y"])])
model = make_pipeline(encode, MRTLRegressor(loss="poisson", random_state=0))
model.fit(rows, rows.shots / rows.games, mrtlregressor__sample_weight=rows.games, mrtlregressor__groups=rows.fifth)
rate = model.predict(rows_of(np.zeros(counts.shape), np.ones(200))).reshape(counts.shape)
print(model[-1].terms_["player x court"])

# %%
# Held-out games
# --------------
# The peers get the same training games. Bandwidth, number of components, and the weight of the common map, which a cell
# without shots of a player needs, are those that predict a left-out fifth of the training games best.
other, fifth = counts_of(train[train.fifth > 0]), counts_of(train[train.fifth == 0])


def log_likelihood(rate, counts, games):
    """Return the Poisson log likelihood for each shot, up to a constant."""
    expected = rate * games[:, None, None]
    return (xlogy(counts, expected) - expected).sum() / counts.sum()


def as_rate(intensity, games, counts, weight):
    """Mix an intensity with the common map, and give each player his shots per game, a mean game added."""
    common = counts.sum(axis=0) + 1e-3
    mixed = intensity + weight * common / common.sum()
    per_game = (counts.sum(axis=(1, 2)) + counts.sum() / games.sum()) / (games + 1)
    return mixed * (per_game / mixed.sum(axis=(1, 2)))[:, None, None]


def smooth(counts, bandwidth):
    """Smooth the counts of each player by a Gaussian."""
    return gaussian_filter(counts, (0, bandwidth, bandwidth)) if bandwidth else counts


def factorize(counts, bandwidth, n_components):
    """Return the nonnegative factorization of smoothed counts with the least Kullback-Leibler divergence."""
    model = NMF(n_components, beta_loss="kullback-leibler", solver="mu", init="nndsvda", max_iter=400)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        loadings = model.fit_transform(smooth(counts, bandwidth).reshape(200, -1) + 1e-6)
    return (loadings @ model.components_).reshape(counts.shape)


def best_of(make, options):
    """Return the rate for the options and the weight that predict the left-out fifth best, and these."""
    trials = []
    for chosen in options:
        intensity = make(other[0], *chosen)
        for weight in (1, 3, 10, 30, 100, 300):
            expected = as_rate(intensity, other[1], other[0], weight)
            trials.append((log_likelihood(expected, *fifth), chosen, weight))
    _, chosen, weight = max(trials)
    return as_rate(make(counts, *chosen), games, counts, weight), (*chosen, weight)


bandwidths = (0, 0.5, 0.7, 1.0, 1.4)
smoothed, smoothed_options = best_of(smooth, [(bandwidth,) for bandwidth in bandwidths])
factorized, nmf_options = best_of(factorize, [(b, n) for b in bandwidths[:4] for n in (5, 8, 12, 20)])
common = as_rate(np.zeros(counts.shape), games, counts, 1)
held_out = counts_of(test)
print("log likelihood of a shot in the other half of the games")
print(f"  common map, shots per game   {log_likelihood(common, *held_out):.3f}")
print(f"  smoothed counts              {log_likelihood(smoothed, *held_out):.3f}  options {smoothed_options}")
print(f"  NMF of smoothed counts       {log_likelihood(factorized, *held_out):.3f}  options {nmf_options}")
print(f"  MRTLRegressor                {log_likelihood(rate, *held_out):.3f}")

# %%
# Four players
# ------------
# Shots in 100 games from each square foot: those of the training games above, the model below. The colours are powers
# of ten.
draw_lines = partial(draw_court, orientation="up", linewidth=0.7)
shown = [0, 3, 10, 30]
of_training = np.where(counts > 0, counts, np.nan) / np.maximum(games, 1)[:, None, None]
maps = np.log10(100 * np.concatenate([of_training[shown], rate[shown]])).transpose(0, 2, 1)
PredictionDisplay(
    maps,
    names=[str(names.get(players[i], players[i])) for i in shown] + ["the model"] * 4,
    extent=((0, 47), (-25, 25)),
    axis_labels=["feet from the baseline", "feet from the middle"],
    quantity="shots in 100 games, power of ten",
).plot(n_columns=4, limits=(-2, 2), outline=False, decorate=draw_lines)

# %%
# What distinguishes players
# --------------------------
# The first maps of the product. They add up in the logarithm: where a map and the player's factor have the same sign,
# he shoots more often than the common map says. The first four are the styles that one knows: inside or outside, long
# or middle range, corners. The later ones, left against right among them, are small corrections of single players:
# left-out games ask for all of them, but the data do not settle every square foot, and their maps are grainy there.
# :func:`~sklearn_mrtl.inspection.factor_bands` with ``resample="groups"`` says where.
FactorDisplay.from_estimator(
    model,
    mode="court",
    components=range(min(8, model[-1].terms_["player x court"].rank)),
    n_columns=4,
    axis_labels=["feet from the middle", "feet from the baseline"],
    decorate=draw_lines,
)
plt.show()

# sphinx_gallery_thumbnail_number = 1
