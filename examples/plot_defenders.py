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
# The region of each component:
shown = range(3)
of_court = {"axis_labels": ["feet from the baseline", "feet from the sideline"]}
FactorDisplay.from_estimator(model, "court", components=shown, decorate=draw_court, **of_court)

# %%
# Where a defender raises (red) or lowers (blue) the probability of a shot there. The dot is the handler, the arrow
# points to the basket.
of_box = {"axis_labels": ["feet to the right", "feet to the basket"], "n_columns": 3}
FactorDisplay.from_estimator(model, "defenders", components=shown, decorate=draw_handler, **of_box)

# %%
# :func:`~sklearn_mrtl.inspection.factor_match_score` assigns the learned components to the true ones and multiplies the
# cosines of their factors: 1 means equal. It takes many frames to recover all maps; with fewer, those of the defenders
# lose detail first.
score, partner = factor_match_score(model, frames.factors, return_permutation=True)
print(f"factor match score {score:.3f}")

# %%
# The true maps of the same components:
true = list(partner[: len(shown)])


def draw_truth(mode, axis_labels, **plot_options):
    """Draw the true factors of a mode, whose first axis goes from left to right."""
    factor, extent = frames.factors[mode.name].transpose(1, 0, 2)[..., true], mode.bounds[::-1]
    display = FactorDisplay(
        factor, components=true, mode=f"{mode.name}, true", extent=extent, axis_labels=axis_labels[::-1]
    )
    display.plot(**plot_options)


draw_truth(court, decorate=draw_court, **of_court)
draw_truth(box, decorate=draw_handler, **of_box)

# sphinx_gallery_thumbnail_number = 1
