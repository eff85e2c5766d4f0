"""
Shot charts of real players
===========================

Two million shots of 1,100 players: who scores from where? The model is a sum of a map that all players share, a number
for each player, and deviations of each player from the map.
"""

# %%
# The data
# --------
# Field-goal attempts of nine NBA seasons, which are too large to come with the package. If the folder ``MRTL_DATA``
# does not have them, this page uses simulated shots and prints a message.
import os
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid, MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.inspection import FactorDisplay, draw_court
from sklearn_mrtl.preprocessing import ModeEncoder

path = Path(os.environ.get("MRTL_DATA", "")) / "shots/shots_2004_2013.parquet"
if path.exists():
    shots = pd.read_parquet(path, columns=["season", "player_id", "x", "y", "made"]).query("y < 47")
    names = pd.read_csv(path.with_name("players.csv"))
    train, test = shots[shots.season <= 2011], shots[shots.season == 2012]
    court = Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)])
else:
    print("MRTL_DATA has no shots: using simulated shots")
    simulated = make_shots(200_000, n_players=200, max_defenders=1, random_state=0)
    shots = pd.DataFrame({"player_id": simulated.data[:, 0].astype(int), "x": simulated.data[:, 2] - 25,
                          "y": simulated.data[:, 1], "made": simulated.target})  # fmt: skip
    names = None
    train, test = shots[:160_000], shots[160_000:]
    court = Grid("court", (50, 40), bounds=[(-25, 25), (0, 40)])
print(f"{len(train):,} shots of {train.player_id.nunique():,} players to train, {len(test):,} to test")

# %%
# A shared map and deviations from it
# -----------------------------------
# By default the model has a term for each mode alone, "player" and "court", and one for both together. Their penalties
# shrink what each player has of his own: one with ten shots gets nearly the shared map, and one who is not in the
# training data gets exactly that.
encode = ModeEncoder([("player", "player_id"), (court, ["x", "y"])], handle_unknown="ignore", outside="clip")
model = make_pipeline(encode, MRTLClassifier(rank=6))
began = time.perf_counter()
model.fit(train, train.made)
print(f"fit in {time.perf_counter() - began:.1f} s")

# %%
# Log loss on the next season. The first baseline predicts the fraction of all shots that are made, the second the
# fraction in each cell of 1 x 1 foot.
in_cell_train, in_cell_test = (model[0].transform(frame)[:, -court.size :] for frame in (train, test))
rate = train.made.mean()
made = in_cell_train.T @ train.made.to_numpy(float)
fraction = (made + 20 * rate) / (np.asarray(in_cell_train.sum(axis=0)).ravel() + 20)
print(f"constant             {log_loss(test.made, np.full(len(test), rate)):.4f}")
print(f"fraction in a cell   {log_loss(test.made, in_cell_test @ fraction):.4f}")
print(f"MRTLClassifier       {log_loss(test.made, model.predict_proba(test)[:, 1]):.4f}")

# %%
# The probability that a shot is made
# -----------------------------------
# The shared map, and how the four players with the most shots differ from it.
frequent = train.player_id.value_counts().index[:4]
x, y = np.meshgrid(*court.centers(), indexing="ij")


def chart(player_id):
    """Return the probability of a made shot in every cell."""
    frame = pd.DataFrame({"player_id": player_id, "x": x.ravel(), "y": y.ravel()})
    return model.predict_proba(frame)[:, 1].reshape(court.shape)


def name_of(player_id):
    """Return the player's name, or the number of a player without one."""
    return str(player_id) if names is None else names.set_index("player_id").iloc[:, 0].get(player_id, str(player_id))


charts = {name_of(player_id): chart(player_id) for player_id in frequent}
with warnings.catch_warnings(action="ignore"):  # of an unknown player
    league = chart(-1)
fig, axes = plt.subplots(1, 5, figsize=(13, 3.6), layout="constrained", sharey=True)
extent = [edge for bounds in court.bounds for edge in bounds]
image = axes[0].imshow(league.T, origin="lower", extent=extent, cmap="viridis", vmin=0.25, vmax=0.65)
draw_court(axes[0], orientation="up", color="white", linewidth=0.7)
axes[0].set_title("shared map")
fig.colorbar(image, ax=axes[0], label="probability", location="bottom")
for ax, (title, values) in zip(axes[1:], charts.items(), strict=True):
    image = ax.imshow((values - league).T, origin="lower", extent=extent, cmap="RdBu_r", vmin=-0.12, vmax=0.12)
    draw_court(ax, orientation="up", linewidth=0.7)
    ax.set_title(title)
fig.colorbar(image, ax=axes[1:], label="difference from the shared map", location="bottom", aspect=50)
for ax in axes:
    ax.set(xticks=[], yticks=[])

# %%
# Six patterns
# ------------
# Each chart is the shared map, the player's number, and a sum of these maps, weighted by the player's factors. With
# two modes (player and court) the components are those of a singular value decomposition: orthogonal, ordered, unique
# up to sign.
FactorDisplay.from_estimator(
    model,
    mode="court",
    n_columns=3,
    axis_labels=["feet from the middle", "feet from the baseline"],
    decorate=draw_court,
)

# sphinx_gallery_thumbnail_number = 1
