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
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid, MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.inspection import FactorDisplay, PredictionDisplay, draw_court
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
# A common map and deviations from it
# -----------------------------------
# By default the model has a term for each mode alone, "player" and "court", and one for both together. Their penalties
# shrink what each player has of his own: one with ten shots gets nearly the common map, and one who is not in the
# training data gets exactly that; the encoder warns of such players, which is expected here.
warnings.filterwarnings("ignore", message=".*no category of fit")
encode = ModeEncoder([("player", "player_id"), (court, ["x", "y"])], handle_unknown="ignore", outside="clip")
model = make_pipeline(encode, MRTLClassifier())
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
# The common map, and how the four players with the most shots differ from it.
frequent = train.player_id.value_counts().index[:4]
if names is not None:
    labels = names.set_index("player_id").iloc[:, 0].reindex(frequent).fillna(frequent.to_series())
else:
    labels = frequent


def players(*ids):
    """Return a row for each player; PredictionDisplay moves it over the court."""
    return pd.DataFrame({"player_id": ids, "x": 0.0, "y": 0.0})


draw_lines = partial(draw_court, orientation="up", linewidth=0.7)
options = {"grid": court, "columns": ["x", "y"], "axis_labels": ["feet from the middle", "feet from the baseline"]}
options |= {"decorate": draw_lines}
PredictionDisplay.from_estimator(model, players(-1), **options, quantity="probability that a shot is made")
PredictionDisplay.from_estimator(
    model, players(*frequent), **options, reference=players(-1), names=list(map(str, labels)),
    quantity="probability less that of all players",
)  # fmt: skip

# %%
# Patterns
# --------
# Each chart is the common map, the player's number, and a sum of these maps, weighted by the player's factors. With
# two modes (player and court) the components are those of a singular value decomposition: orthogonal, ordered, unique
# up to sign.
FactorDisplay.from_estimator(
    model,
    mode="court",
    n_columns=3,
    axis_labels=["feet from the middle", "feet from the baseline"],
    decorate=draw_court,
)

# sphinx_gallery_thumbnail_number = 2
