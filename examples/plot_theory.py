r"""
Theory: what the paper proves, in numbers
=========================================

Section 5 of the paper bounds the error of coarse-to-fine training (theorem 5.3) and compares its cost with training on
the finest grid only (lemma 5.4, theorem 5.5). This page computes both sides, with the package's own interpolation.
"""

# %%
# A strongly convex problem
# -------------------------
# Ridge regression on smooth fields of one axis of 8 to 2048 cells. The norm counts each cell by its area
# (:math:`\|w\|^2` is the mean of :math:`w_d^2`), which makes levels comparable; the gradient is taken in that inner
# product. Gradient descent with one step size :math:`\eta = 1/L` for all levels.
import matplotlib.pyplot as plt
import numpy as np
import torch

from sklearn_mrtl import Grid
from sklearn_mrtl.core.finegraining import coarsen_means, finegrain

rng = np.random.default_rng(0)
LEVELS = [8 * 2**r for r in range(9)]
FINEST, N_SAMPLES, MU = LEVELS[-1], 80, 0.05
grid = Grid("line", FINEST, quantity="mean")
place = (np.arange(FINEST) + 0.5) / FINEST
waves = np.array([wave(np.pi * m * place) / np.sqrt(m) for m in range(1, 9) for wave in (np.cos, np.sin)])
fields = rng.normal(size=(N_SAMPLES, len(waves))) @ waves
truth = np.exp(-(((place - 0.35) / 0.12) ** 2)) - 0.7 * np.exp(-(((place - 0.7) / 0.08) ** 2))
y = fields @ truth / FINEST + 0.05 * rng.normal(size=N_SAMPLES)


def normal_equations(n):
    """Hessian and right-hand side on n cells; the penalty mu makes the problem strongly convex."""
    x = coarsen_means(torch.from_numpy(fields), 1, (FINEST,), (n,)).numpy()
    return x.T @ x / N_SAMPLES / n + MU * np.eye(n), x.T @ y / N_SAMPLES


def finer(w, n):
    """P w, by the package's Finegrain."""
    return finegrain(torch.from_numpy(w), 0, grid, (len(w),), (n,)).numpy()


def norm(w):
    """Root mean square."""
    return np.sqrt(np.mean(w**2))


problems = {n: normal_equations(n) for n in LEVELS}
optimum = {n: np.linalg.solve(*problems[n]) for n in LEVELS}
L = max(np.linalg.eigvalsh(hessian)[-1] for hessian, _ in problems.values())
eta = 1 / L
contraction = 1 - eta * MU
print(f"mu = {MU}, L = {L:.3f}, contraction of a step {contraction:.4f}")

# %%
# The norm of P
# -------------
# Theorem 5.3 multiplies the error by :math:`\|P\|^2` at each finegraining. With raw weights that is 2 for
# nearest-neighbour interpolation (``"nearest"``) and 1/2 for linear interpolation (whose weights are divided by the
# ratio of cells). Counted by area, as the package has its weights, it is exactly 1: finegraining loses nothing.
for n in LEVELS[:3]:
    P = finer(np.eye(n), 2 * n)
    raw = np.linalg.norm(P, 2)
    by_area = raw / np.sqrt(2)
    print(f"{n:3d} -> {2 * n:3d} cells: constant {np.sqrt(2):.4f}, linear {raw / 2:.4f}, by area {by_area:.4f}")

# %%
# Definition 5.2, spatial smoothness: how far is the finer optimum from the interpolated coarser one? A third to a
# quarter at each halving of the cells, as befits linear interpolation of smooth weights.
gap = {n: norm(finer(optimum[n], 2 * n) - optimum[2 * n]) for n in LEVELS[:-1]}
print({n: f"{value:.1e}" for n, value in gap.items()})

# %%
# Theorem 5.3
# -----------
# Twelve steps on each level. The bound, with nothing left to an O():
#
# .. math:: \|w_t - w_\star\| \le \rho^{t} \|P\| \left( \dots \right) + \rho^{t} \epsilon_r,
#
# that is, each step multiplies the error by :math:`\rho = 1 - \eta\mu` at most, and each finegraining by
# :math:`\|P\| = 1`, and adds the gap :math:`\epsilon_r` of definition 5.2. The paper's
# :math:`\gamma = 1 - 2\eta\mu` is :math:`\rho^2` without its square term: slightly too small, which its
# :math:`O(\eta)` has to cover, and likewise its proof adds :math:`\epsilon^2` where the triangle inequality gives
# :math:`(\|P\| e + \epsilon)^2`.
w, errors, bounds, ends = np.zeros(LEVELS[0]), [], [], []
bound = norm(optimum[LEVELS[0]])
for level, n in enumerate(LEVELS):
    if level:
        w = finer(w, n)
        bound = 1.0 * bound + gap[n // 2]
    hessian, right = problems[n]
    for _ in range(12):
        w = w - eta * (hessian @ w - right)
        bound *= contraction
        errors.append(norm(w - optimum[n]))
        bounds.append(bound)
    ends.append(len(errors))
assert all(error <= limit for error, limit in zip(errors, bounds, strict=True))
fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.semilogy(errors, label="distance to the level's optimum")
ax.semilogy(bounds, label="bound", color="tab:orange")
for end, n in zip(ends, LEVELS, strict=True):
    ax.axvline(end, color="0.85", zorder=0)
    ax.text(end - 6, ax.get_ylim()[1], n, ha="center", va="bottom", color="0.4")
ax.set(xlabel="steps (above: cells of the level)", ylabel="error")
ax.legend()

# %%
# The bound holds at every step, and is loose: most of the error lies in directions that shrink faster than the slowest.

# %%
# Lemma 5.4 and theorem 5.5: the price of epsilon
# -----------------------------------------------
# For a smaller error :math:`\epsilon` the grid must be finer too. So: for each finest grid, let :math:`\epsilon` be
# twice its distance to the limit, and count the steps from zero until half of it is left, on that grid only (fixed)
# and through all coarser ones, each left when its error has come down to its own discretization (multiresolution). A
# step costs as much as there are cells. Predicted: fixed training takes :math:`\log(1/((1-\gamma)\epsilon)) /
# |\log\gamma|` steps, multiresolution a constant number on each level, so that their costs differ by a factor of
# :math:`\log(1/((1-\gamma)\epsilon))`.


def steps_to(w, n, tolerance):
    """Gradient descent until the optimum of the level is as near as that; weights and number of steps."""
    hessian, right = problems[n]
    steps = 0
    while norm(w - optimum[n]) > tolerance:
        w, steps = w - eta * (hessian @ w - right), steps + 1
    return w, steps


def coarse_to_fine(finest, tolerance):
    """Steps on each level up to the finest."""
    w, steps = np.zeros(LEVELS[0]), []
    for n in LEVELS[: LEVELS.index(finest) + 1]:
        w, taken = steps_to(finer(w, n) if steps else w, n, max(tolerance, distance[n] if n < finest else 0))
        steps.append(taken)
    return steps


def interpolated(w):
    """Weights on the finest of all grids."""
    while len(w) < FINEST:
        w = finer(w, 2 * len(w))
    return w


def cost(steps):
    """Steps times cells."""
    return sum(taken * n for taken, n in zip(steps, LEVELS, strict=False))


distance = {n: norm(interpolated(optimum[n]) - optimum[FINEST]) for n in LEVELS[:-1]}
print(f"{'cells':>6}{'epsilon':>10}{'fixed':>7}  {'steps on each level':36}{'cost ratio':>11}{'log factor':>11}")
predicted, measured = [], []
for n in LEVELS[1:-1]:
    epsilon = 2 * distance[n]
    _, fixed = steps_to(np.zeros(n), n, epsilon / 2)
    multi = coarse_to_fine(n, epsilon / 2)
    predicted.append(np.log(1 / ((1 - contraction) * epsilon)))
    measured.append(fixed * n / cost(multi))
    print(f"{n:6d}{epsilon:10.1e}{fixed:7d}  {multi!s:36}{measured[-1]:11.2f}{predicted[-1]:11.2f}")

# %%
# Does the log factor hold?
# -------------------------
# In its growth, yes: steps on each level level off, steps from zero grow in proportion to :math:`\log 1/\epsilon`, so
# the ratio of costs grows with the logarithm. In its size, no: the O() hides a constant well below 1. A level needs
# some 25 steps here to go from the error it inherits to its own, all coarser levels together cost as much again as the
# finest, and from zero the first steps are quick. On grids of up to 64 cells nothing is gained.
slope, offset = np.polyfit(predicted[3:], measured[3:], 1)
fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
axes[0].plot(predicted, measured, "o-", label="measured")
axes[0].plot(
    predicted[3:], slope * np.array(predicted[3:]) + offset, color="0.7", lw=4, zorder=0, label=f"slope {slope:.2f}"
)
axes[0].set(
    xlabel=r"$\log(1/((1-\gamma)\epsilon))$", ylabel="cost, fixed / multiresolution", title="Grid as fine as ε asks"
)
axes[0].legend()
tolerances = 10.0 ** -np.arange(2, 9)
finest = LEVELS[-2]
ratios = [steps_to(np.zeros(finest), finest, t)[1] * finest / cost(coarse_to_fine(finest, t)) for t in tolerances]
axes[1].semilogx(tolerances, ratios, "o-")
axes[1].axhline(1, color="0.8")
axes[1].set(xlabel="ε", title=f"Grid of {finest} cells, whatever ε is", ylim=(0, None))
axes[1].invert_xaxis()

# %%
# With the finest grid fixed (right) the factor goes the other way: coarse levels can only give a start as good as their
# discretization, and what is left to do on the finest grid grows with :math:`\log 1/\epsilon` all the same. This is the
# situation of a real fit, whose grid is given and whose :math:`\epsilon` is moderate, and there the gain is largest.
# Solvers that use curvature (the default, L-BFGS, and exact solution on the first level) depend on
# :math:`\gamma` far less than gradient descent does; the theorems do not speak of them.

# sphinx_gallery_thumbnail_number = 2
