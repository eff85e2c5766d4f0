"""
Defenders around the handler
============================

The paper's basketball model has three modes: the player, his position, and the positions of defenders around him. Here
it is fitted to simulated frames, whose true factors are known.
"""

# %%
# Frames of play
# --------------
# Player-tracking data are private, so the frames are simulated: 50 players and six components. Each component has a
# region of the court, and positions around the handler where a defender raises or lowers the probability of a shot
# within the next second. The box around the handler is turned so that the basket is straight up;
# :class:`~sklearn_mrtl.preprocessing.RelativePosition` turns real positions in the same way.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.inspection import FactorDisplay, draw_court, draw_handler, factor_match_score
from sklearn_mrtl.preprocessing import ModeEncoder

frames = make_shots(200_000, random_state=0)
player, court, box = frames.modes
X, y = frames.data, frames.target
train, test = slice(0, 160_000), slice(160_000, None)
print(*frames.modes, sep="\n")

# %%
# The encodings stand side by side in one sparse table: the player, the cell of the court, and the number of defenders
# in each cell of the box. The frames were made from a number for each player and a product of all three modes, and
# these are the model's terms.
encode = ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))])
terms = ["player", ("player", "court", "defenders")]
model = make_pipeline(encode, MRTLClassifier(terms=terms, rank=6)).fit(X[train], y[train])
additive = make_pipeline(encode, LogisticRegression(max_iter=100)).fit(X[:100_000], y[:100_000])
for name, scores in {
    "LogisticRegression, additive": additive.decision_function(X[test]),
    "MRTLClassifier": model.decision_function(X[test]),
    "true probabilities": frames.logit[test],
}.items():
    print(f"{name:30} AUC {roc_auc_score(y[test], scores):.3f}")

# %%
# Levels
# ------
# Training went from coarse to fine:
for level, resolution in enumerate(model[-1].resolutions_):
    print(level, resolution)

# %%
# The learned maps
# ----------------
# Above, the region of each component; below, where a defender raises (red) or lowers (blue) the probability of a shot
# there. The dot is the handler, the arrow points to the basket.
shown = range(3)
fig, axes = plt.subplots(2, 3, figsize=(10, 6.4), layout="constrained", height_ratios=[1.3, 1])
FactorDisplay.from_estimator(
    model, "court", components=shown, ax=axes[0], colorbar=False, decorate=draw_court,
    axis_labels=["feet from the baseline", "feet from the sideline"],
)  # fmt: skip
FactorDisplay.from_estimator(
    model, "defenders", components=shown, ax=axes[1], colorbar=False, decorate=draw_handler,
    axis_labels=["feet to the right", "feet to the basket"],
)  # fmt: skip

# %%
# :func:`~sklearn_mrtl.inspection.factor_match_score` assigns the learned components to the true ones and multiplies the
# cosines of their factors: 1 means equal. It takes many frames to recover all maps; with fewer, those of the defenders
# lose detail first.
score, partner = factor_match_score(model, frames.factors, return_permutation=True)
print(f"factor match score {score:.3f}")
fig, axes = plt.subplots(2, 3, figsize=(10, 6.4), layout="constrained", height_ratios=[1.3, 1])
for row, mode in zip(axes, (court, box), strict=True):
    extent = [edge for bounds in mode.bounds for edge in bounds]
    for ax, component in zip(row, partner[: len(shown)], strict=True):
        truth = frames.factors[mode.name][..., component]
        limit = np.abs(truth).max()
        ax.imshow(truth.T, origin="lower", extent=extent, cmap="RdBu_r", vmin=-limit, vmax=limit)
        ax.set_title(f"true component {component}")
        draw_court(ax) if mode is court else draw_handler(ax)

# sphinx_gallery_thumbnail_number = 1
