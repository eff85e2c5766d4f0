"""
A sum of terms on the court
===========================

Who has the ball, where he stands and where the defenders are each have an effect of their own. A sum of three terms
says so; one product of all three modes has to learn it.
"""

# %%
# Frames of play
# --------------
# The positions are those of :func:`~sklearn_mrtl.datasets.make_shots`. Whether a player shoots is simulated here: a
# number for each player, a peak at the basket and another at the three-point line, and less for each defender within 4
# feet in front of him. The truth is a sum; :doc:`/gallery/plot_defenders` has frames whose truth is a product.
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid, MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.inspection import FactorDisplay, TermDisplay, draw_court, draw_handler, select_term
from sklearn_mrtl.preprocessing import ModeEncoder, PolarPosition

BASKET = (5.25, 25)  # feet from the baseline and from the sideline

rng = np.random.default_rng(0)
X = make_shots(15_000, random_state=0).data
player, x, y = X[:, 0].astype(int), X[:, 1], X[:, 2]
right, ahead = X[:, 3::2], X[:, 4::2]  # of each defender, seen from the player


def court_effect(distance):
    """Return the true effect of the distance to the basket."""
    return 3 * np.exp(-distance / 4) + np.exp(-((distance - 24) ** 2) / 4)


guarded = ((np.abs(right) < 2) & (ahead > 0) & (ahead < 4)).sum(axis=1)
logit = rng.normal(0, 0.5, 50)[player] + court_effect(np.hypot(x - BASKET[0], y - BASKET[1])) - guarded - 1.5
shoots = rng.random(len(X)) < expit(logit)
train, test = slice(0, 10_000), slice(10_000, None)

# %%
# Polar cells
# -----------
# :class:`~sklearn_mrtl.preprocessing.PolarPosition` turns x and y into distance and angle about the basket. The cells
# are 2 feet by 45 degrees: small at the basket, large far away.
court = Grid("court", (22, 8), bounds=[(0, 44), (-180, 180)], periodic=(False, True))
box = Grid("defenders", (12, 12), bounds=[(-6, 6), (-2, 10)])
encode = ModeEncoder([("player", 0, "one-hot"), (court, [1, 2], PolarPosition(BASKET)), (box, slice(3, None))])

# %%
# One product, or a sum
# ---------------------
# Frames of one play are nearly alike. With real ones, call ``fit(..., mrtlclassifier__groups=games)``, so that whole
# games are left out when the strengths of the penalties are chosen. These frames are independent.
product = make_pipeline(encode, MRTLClassifier(terms=None)).fit(X[train], shoots[train])
model = make_pipeline(encode, MRTLClassifier(terms=["player", "court", "defenders"])).fit(X[train], shoots[train])
for name, probability in {
    "one product, terms=None": product.predict_proba(X[test])[:, 1],
    "a sum of three terms": model.predict_proba(X[test])[:, 1],
    "true probabilities (upper bound)": expit(logit[test]),
}.items():
    loss, auc = log_loss(shoots[test], probability), roc_auc_score(shoots[test], probability)
    print(f"{name:34} log loss {loss:.3f}, AUC {auc:.3f}")

# %%
# The maps
# --------
# Each term has weights of its own, and penalties of its own. The map of the court is penalized along the distance and
# along the angle with different strengths; here all directions are alike, so the second is much larger.
terms = model[-1].terms_
along_distance, along_angle = terms["court"].alpha_spatial["court"]
print(f"strengths along the distance {along_distance:.2g}, along the angle {along_angle:.2g}")
for name, term in terms.items():
    print(f"{name:10} {term.degrees_of_freedom:5.1f} degrees of freedom")

# %%
# What each term adds to the logit, on one scale, and what fraction of the variance of the logit it makes.


def half_court(ax):
    """Show the half court, with its lines."""
    ax.set(xlim=(0, 47), ylim=(0, 50))
    draw_court(ax)


TermDisplay.from_estimator(
    model, X=X[test], origin={"court": BASKET}, decorate={"court": half_court, "defenders": draw_handler},
    axis_labels={"court": ["feet from the baseline", "feet from the sideline"],
                 "defenders": ["feet to the right", "feet to the basket"]},
)  # fmt: skip

# %%
# :func:`~sklearn_mrtl.inspection.select_term` chooses the term to draw. Left, the weights of the court; in the middle,
# the truth; right, the weights of the defenders. The dot is the player, and the basket is straight up. Only defenders
# less than four feet ahead were given an effect: what is drawn elsewhere is the noise of 10,000 frames.

distances, _ = court.centers()
truth = np.repeat(court_effect(distances)[:, None], 8, axis=1)
fig, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained", gridspec_kw={"wspace": 0.05})
FactorDisplay.from_estimator(
    select_term(model, "court"), "court", origin=BASKET, ax=axes[0], decorate=half_court, colorbar=False,
    axis_labels=["feet from the baseline", "feet from the sideline"],
)  # fmt: skip
FactorDisplay(
    (truth - truth.mean())[..., None], components=[0], mode="court", extent=court.bounds, origin=BASKET,
    axis_labels=["feet from the sideline", "feet from the baseline"],
).plot(ax=axes[1], decorate=half_court, colorbar=False)  # fmt: skip
FactorDisplay.from_estimator(
    select_term(model, "defenders"), "defenders", ax=axes[2], decorate=draw_handler,
    axis_labels=["feet to the right", "feet to the basket"],
)  # fmt: skip
for ax, title in zip(axes, ("court, learned", "court, true", "defenders, learned"), strict=True):
    ax.set_title(title)
