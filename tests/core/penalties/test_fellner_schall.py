"""Strengths by Fellner-Schall updates against the largest restricted likelihood, found by brute force."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import axes_for, multi_hot, normal, uniform
from scipy.optimize import minimize

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.moments import DenseMoments
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.terms import Strengths, Term, full_rank_sum
from sklearn_mrtl.core.penalties.fellner_schall import fellner_schall, typical_strengths, with_strengths
from sklearn_mrtl.core.penalties.traces import EstimatedTraces, ExactTraces, dense_penalty, penalties_of
from sklearn_mrtl.core.solvers.base import SolverSettings

MODES = (Feature("player", 8), Grid("court", (5, 6)))
TERMS = (
    Term("player", (0,), None, Strengths(None, ((),))),
    Term("court", (1,), None, Strengths(1e-3, ((None, None),))),
)
EXACT = SolverSettings(max_epochs=500, convergence=1e-10)


def problem(n=160, *, noise=0.5, binary=False):
    """A number for each player, and a map that is smooth along one axis only."""
    players = torch.nn.functional.one_hot(torch.arange(n) % 8, 8).double()
    cells = torch.nn.functional.one_hot(
        torch.randint(30, (n,), generator=torch.Generator().manual_seed(1)), 30
    ).double()
    inputs = EncodedInputs((multi_hot(players), multi_hot(cells)), MODES, ((8,), (5, 6)))
    field = torch.sin(torch.arange(5.0, dtype=torch.float64))[:, None] + 0 * normal(5, 6)
    z = players @ (0.5 * normal(8, seed=2)) + cells @ field.reshape(-1)
    if binary:
        y = (uniform(n, seed=4) < torch.sigmoid(z)).double()
    else:
        y = z + noise * normal(n, seed=3)
    return Samples.from_rows(inputs, y[:, None], torch.ones(n, dtype=torch.float64))


def restricted_likelihood(samples, penalties, axes, log_precisions):
    """Minus twice the log likelihood of y = b0 + X b + e, with b normal and everything but the variances left out."""
    *precisions, variance = np.exp(log_precisions)
    x = torch.cat([samples.inputs.of_modes(term.modes).design() for term in TERMS], 1).numpy()
    prior = np.zeros((38, 38))
    for penalty, precision in zip(penalties, precisions, strict=True):
        own = slice(0, 8) if penalty.term == 0 else slice(8, 38)
        prior[own, own] += precision * dense_penalty(penalty, TERMS, axes).numpy()
    covariance = x @ np.linalg.inv(prior) @ x.T + variance * np.eye(len(x))
    inverse, ones, y = np.linalg.inv(covariance), np.ones(len(x)), samples.y[:, 0, 0].numpy()
    b0 = ones @ inverse @ y / (ones @ inverse @ ones)
    r = y - b0
    return np.linalg.slogdet(covariance)[1] + np.log(ones @ inverse @ ones) + r @ inverse @ r


def test_strengths_are_those_of_the_largest_restricted_likelihood():
    samples = problem()
    axes = axes_for(samples.inputs)
    penalties = penalties_of(TERMS, axes)
    terms = [
        Term("player", (0,), None, Strengths(None, ((),))),
        Term("court", (1,), None, Strengths(None, ((None,) * 2,))),
    ]
    estimate = fellner_schall(samples, axes, terms, SquaredLoss, EXACT)
    alphas = [penalty.of(estimate.terms[penalty.term].strengths) for penalty in penalties]
    n, sizes = len(samples.y), (8, 30)
    objective = estimate_loss(samples, estimate)
    free = n - sum(estimate.degrees_of_freedom)
    variance = objective * n / free
    # The prior's precision of b is 2 alpha / entries, times n over twice the variance of the noise.
    found = [np.log(alpha / sizes[p.term] * n / variance) for alpha, p in zip(alphas, penalties, strict=True)]
    best = minimize(lambda v: restricted_likelihood(samples, penalties, axes, v), [*found, np.log(variance)],
                    method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-3, "fatol": 1e-4})  # fmt: skip
    ours = restricted_likelihood(samples, penalties, axes, [*found, np.log(variance)])
    assert ours - best.fun < 0.1  # of twice a log likelihood, whose error is about 1 for each strength


@pytest.mark.peers
def test_variances_of_two_features_are_those_of_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api")
    sizes, n, rng = (20, 9), 600, np.random.default_rng(0)
    columns = [rng.integers(0, size, n) for size in sizes]
    y = 2 + sum(std * rng.normal(size=size)[c] for std, size, c in zip((0.8, 0.3), sizes, columns, strict=True))
    y = y + rng.normal(size=n)
    modes = (Feature("player", 20), Feature("quarter", 9))
    one_hot = tuple(multi_hot(torch.eye(size).double()[c]) for size, c in zip(sizes, columns, strict=True))
    inputs = EncodedInputs(one_hot, modes, ((20,), (9,)))
    samples = Samples.from_rows(inputs, torch.tensor(y)[:, None], torch.ones(n, dtype=torch.float64))
    terms = [Term(mode.name, (m,), None, Strengths(None, ((),))) for m, mode in enumerate(modes)]
    estimate = fellner_schall(samples, axes_for(inputs), terms, SquaredLoss, EXACT)
    variance = estimate_loss(samples, estimate) * n / (n - sum(estimate.degrees_of_freedom))
    found = [variance * size / (term.strengths.l2 * n) for size, term in zip(sizes, estimate.terms, strict=True)]
    table = pd.DataFrame({"y": y, "player": columns[0], "quarter": columns[1], "all": 1})
    formula = {name: f"0 + C({name})" for name in ("player", "quarter")}
    model = statsmodels.MixedLM.from_formula("y ~ 1", groups="all", vc_formula=formula, re_formula="0", data=table)
    theirs = model.fit(reml=True)
    np.testing.assert_allclose(found, theirs.vcomp, rtol=0.1)  # the rounds end where strengths change by a twentieth
    np.testing.assert_allclose(variance, theirs.scale, rtol=0.01)
    scores = estimate.model.scores(estimate.parameters, samples.inputs)[:, 0].detach()
    np.testing.assert_allclose(scores, theirs.fittedvalues, atol=0.02)


def estimate_loss(samples, estimate):
    scores = estimate.model.scores(estimate.parameters, samples.inputs)
    return float((scores - samples.y[:, 0]).square().mean())


@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss])
def test_estimated_traces_are_the_exact_ones(loss):
    samples = problem(binary=loss is LogisticLoss)
    axes = axes_for(samples.inputs)
    penalties = penalties_of(TERMS, axes)
    alphas = typical_strengths(samples, axes, TERMS, loss)
    model = full_rank_sum(axes, with_strengths(TERMS, penalties, alphas))
    parts = [samples.inputs.of_modes(term.modes) for term in TERMS]
    second = loss.second_derivatives(normal(len(samples.y), 1, seed=5)) / len(samples.y)
    exact = ExactTraces(DenseMoments(parts), axes, TERMS, penalties)(model, alphas, second)
    estimated = EstimatedTraces(samples, axes, TERMS, penalties, n_probes=60, tolerance=1e-4, max_steps=60)
    for actual, expected in zip(estimated(model, alphas, second), exact, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0.3)


def test_a_term_that_explains_nothing_is_emptied():
    samples = problem()
    noise = Samples.from_rows(samples.inputs, normal(160, 1, seed=9), torch.ones(160, dtype=torch.float64))
    axes = axes_for(samples.inputs)
    terms = [Term("player", (0,), None, Strengths(None, ((),)))]
    weights = fellner_schall(noise, axes, terms, SquaredLoss, EXACT)
    signal = fellner_schall(samples, axes, terms, SquaredLoss, EXACT)
    assert weights.terms[0].strengths.l2 > 30 * signal.terms[0].strengths.l2
    assert weights.degrees_of_freedom[0] < 2 < signal.degrees_of_freedom[0]


def test_strengths_that_are_given_stay():
    samples = problem()
    axes = axes_for(samples.inputs)
    estimate = fellner_schall(samples, axes, TERMS, SquaredLoss, EXACT)
    assert estimate.terms[1].strengths.l2 == 1e-3
    assert estimate.terms[1].strengths.spatial[0][0] != estimate.terms[1].strengths.spatial[0][1]


def test_directions_get_strengths_of_their_own():
    """The map is constant along its second axis: there differences are penalized much more."""
    samples = problem()
    estimate = fellner_schall(samples, axes_for(samples.inputs), TERMS, SquaredLoss, EXACT)
    along = estimate.terms[1].strengths.spatial[0]
    assert along[1] > 20 * along[0]
