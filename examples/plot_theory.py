r"""
Theory: the paper's theorems in numbers
=======================================

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
position = (np.arange(FINEST) + 0.5) / FINEST
waves = np.array([wave(np.pi * m * position) / np.sqrt(m) for m in range(1, 9) for wave in (np.cos, np.sin)])
fields = rng.normal(size=(N_SAMPLES, len(waves))) @ waves
truth = np.exp(-(((position - 0.35) / 0.12) ** 2)) - 0.7 * np.exp(-(((position - 0.7) / 0.08) ** 2))
y = fields @ truth / FINEST + 0.05 * rng.normal(size=N_SAMPLES)


def normal_equations(n):
    """Return Hessian and right-hand side on n cells; the penalty mu makes the problem strongly convex."""
    x = coarsen_means(torch.from_numpy(fields), 1, (FINEST,), (n,)).numpy()
    return x.T @ x / N_SAMPLES / n + MU * np.eye(n), x.T @ y / N_SAMPLES


def finer(w, n):
    """Return P w, by the package's Finegrain."""
    return finegrain(torch.from_numpy(w), 0, grid, (len(w),), (n,)).numpy()


def norm(w):
    """Return the root mean square."""
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
# ratio of cells). With weights counted by area, as in this package, it is exactly 1: finegraining does not increase the
# error.
for n in LEVELS[:3]:
    P = finer(np.eye(n), 2 * n)
    raw = np.linalg.norm(P, 2)
    by_area = raw / np.sqrt(2)
    print(f"{n:3d} -> {2 * n:3d} cells: nearest {np.sqrt(2):.4f}, linear {raw / 2:.4f}, by area {by_area:.4f}")

# %%
# Definition 5.2, spatial smoothness, is about the distance from the interpolated coarse optimum to the fine one. Each
# halving of the cells reduces it to a third or a quarter, as expected of linear interpolation of smooth weights.
gap = {n: norm(finer(optimum[n], 2 * n) - optimum[2 * n]) for n in LEVELS[:-1]}
print({n: f"{value:.1e}" for n, value in gap.items()})

# %%
# Theorem 5.3
# -----------
# Twelve steps on each level. The bound, with all constants written out:
#
# .. math:: \|w_t - w_\star\| \le \rho^{t} \|P\| \left( \dots \right) + \rho^{t} \epsilon_r,
#
# Each step multiplies the error by at most :math:`\rho = 1 - \eta\mu`. Each finegraining multiplies it by at most
# :math:`\|P\| = 1` and adds the gap :math:`\epsilon_r` of definition 5.2. The paper's
# :math:`\gamma = 1 - 2\eta\mu` is :math:`\rho^2` without the square term, hence slightly too small; its
# :math:`O(\eta)` has to cover the difference. Likewise its proof adds :math:`\epsilon^2` where the triangle inequality
# gives :math:`(\|P\| e + \epsilon)^2`.
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
# The bound holds at every step. It is loose because most of the error lies in directions that converge faster than the
# slowest one.

# %%
# Lemma 5.4 and theorem 5.5: the cost of a small epsilon
# ------------------------------------------------------
# A smaller error :math:`\epsilon` needs a finer grid. For each finest grid, let :math:`\epsilon` be twice its
# discretization error, and count the steps from zero until the error on that grid is half of :math:`\epsilon`: on that
# grid only (fixed), and through all coarser grids, where training on a grid ends when its error has reached its own
# discretization error (multiresolution). The cost of a step is the number of cells. Predicted: fixed training takes
# :math:`\log(1/((1-\gamma)\epsilon)) / |\log\gamma|` steps, multiresolution a constant number on each level, so that
# their costs differ by a factor of :math:`\log(1/((1-\gamma)\epsilon))`.


def steps_to(w, n, tolerance):
    """Descend until the optimum of the level is within the tolerance; return the weights and the number of steps."""
    hessian, right = problems[n]
    steps = 0
    while norm(w - optimum[n]) > tolerance:
        w, steps = w - eta * (hessian @ w - right), steps + 1
    return w, steps


def coarse_to_fine(finest, tolerance):
    """Return the number of steps on each level up to the finest."""
    w, steps = np.zeros(LEVELS[0]), []
    for n in LEVELS[: LEVELS.index(finest) + 1]:
        w, taken = steps_to(finer(w, n) if steps else w, n, max(tolerance, distance[n] if n < finest else 0))
        steps.append(taken)
    return steps


def interpolated(w):
    """Interpolate weights to the finest of all grids."""
    while len(w) < FINEST:
        w = finer(w, 2 * len(w))
    return w


def cost(steps):
    """Return the sum of steps times cells."""
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
# Its growth does: the number of steps on each level approaches a constant and the steps from zero grow in proportion to
# :math:`\log 1/\epsilon`, so the ratio of costs grows with the logarithm. Its size does not: the O() hides a constant
# well below 1. Here a level needs about 25 steps to reduce the error of the coarser level to its own, all coarser
# levels together cost as much as the finest, and the first steps from zero reduce the error quickly. On grids of up to
# 64 cells multiresolution training saves nothing.
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
# If the finest grid is given (right), the ratio falls as :math:`\epsilon` becomes smaller: coarse levels provide a
# start within their discretization error, and the remaining steps on the finest grid grow with :math:`\log 1/\epsilon`
# in both cases. A real fit has a given grid and a moderate :math:`\epsilon`, where the gain is largest. Solvers that
# use curvature (the default, L-BFGS, and the exact solution on the first level) depend on :math:`\gamma` far less than
# gradient descent; the theorems do not cover them.

# sphinx_gallery_thumbnail_number = 2
