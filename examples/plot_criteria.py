"""
When to finegrain: four criteria
================================

With mini-batches a level does not converge by itself. The paper compares four criteria that end it when they rise: the
validation loss, and the norm, the variance and the entropy of the gradient.
"""

# %%
# One problem, four criteria
# --------------------------
# Simulated frames of play, the paper's model and solver (one product, ``terms=None``, and Adam), and validation data. A
# level ends when the criterion has risen ``patience`` times from one epoch to the next.
import matplotlib.pyplot as plt
from sklearn.metrics import log_loss

from sklearn_mrtl import MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.inspection import HistoryDisplay
from sklearn_mrtl.preprocessing import ModeEncoder

frames = make_shots(40_000, n_players=20, random_state=0)
player, court, box = frames.modes
encode = ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))])
X, y = encode.fit_transform(frames.data), frames.target
train, validation, test = slice(0, 24_000), slice(24_000, 32_000), slice(32_000, None)

models = {}
for criterion in ("validation_loss", "gradient_norm", "gradient_variance", "gradient_entropy"):
    model = MRTLClassifier(
        terms=None, rank=6, solver="adam", learning_rate=0.03, criterion=criterion, patience=2, max_epochs=40,
        alpha_spatial=1e-3, alpha_l2=1e-2, random_state=0,
    )  # fmt: skip
    models[criterion] = model.fit(X[train], y[train], X_val=X[validation], y_val=y[validation])

# %%
# The number of epochs at each level, from coarse to fine (the first level has full rank, and its resolution is trained
# once more at low rank), and the loss on test rows:
for criterion, model in models.items():
    epochs = {}
    for record in model.history_:
        key = f"{record['phase']} {record['level']}"
        epochs[key] = epochs.get(key, 0) + 1
    seconds = model.history_[-1]["seconds"]
    loss = log_loss(y[test], model.predict_proba(X[test])[:, 1])
    print(f"{criterion:18} {model.n_iter_:3d} epochs  {seconds:5.1f} s  test log loss {loss:.4f}  {epochs}")

# %%
# With validation data the weights with the smallest validation loss are kept, whichever criterion ends the levels. So
# the four fits have nearly the same loss and differ in time.

# %%
# Histories
# ---------
# :class:`~sklearn_mrtl.inspection.HistoryDisplay` draws ``history_``; vertical lines are the ends of levels.
fig, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
for ax, (criterion, model) in zip(axes.flat, models.items(), strict=True):
    HistoryDisplay.from_estimator(model, values="loss", ax=ax)
    ax.set_title(criterion)

# %%
# All criteria of one fit are recorded:
HistoryDisplay.from_estimator(models["gradient_norm"])

# %%
# The default solver, full-batch L-BFGS, needs no criterion: it ends a level when it has converged.
default = MRTLClassifier(frames.modes, terms=None, rank=6).fit(X[train], y[train])
loss = log_loss(y[test], default.predict_proba(X[test])[:, 1])
print(f"default: {default.history_[-1]['seconds']:.1f} s, test log loss {loss:.4f}")

# sphinx_gallery_thumbnail_number = 1
