from dataclasses import replace

import pytest
import torch
from helpers import LOSSES, assert_same, axes_for, encodings, formed, minimized, objective_of, samples_of
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from solver_problems import by_loss, by_scipy, full_rank, largest_gradient, low_rank, value_of

from sklearn_mrtl.core.losses import LogisticLoss, PoissonLoss, SoftmaxLoss, SquaredLoss
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import SolverSettings, flatten, unflatten
from sklearn_mrtl.core.solvers.lbfgs import is_convex_along, lbfgs
from sklearn_mrtl.core.solvers.ridge import RidgeDesign


@by_loss
def test_lbfgs_finds_the_minimum_of_a_convex_objective(loss):
    objective, start, _ = full_rank(loss)
    found = minimized(objective, start)
    value, expected = by_scipy(objective, start)
    assert_same(value_of(objective, found), value, rtol=1e-8)
    x = objective.inputs
    scores = [objective.model.scores(parameters, x) for parameters in (found, expected)]
    scores = [s - s.mean(1, keepdim=True) if loss is SoftmaxLoss else s for s in scores]  # up to what softmax ignores
    assert_same(*scores, rtol=1e-3, atol=1e-4)


def test_lbfgs_finds_the_exact_ridge_solution():
    objective, start, samples = full_rank(SquaredLoss)
    exact = RidgeDesign(objective.model, samples).solve(Alphas(0.001, 0.01), samples.weight)
    assert_same(minimized(objective, start), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", [LogisticLoss, SoftmaxLoss], ids=lambda loss: loss.__name__)
def test_classes_as_scikit_learns_logistic_regression(loss):
    """The same objective: C = entries of W / (2 alpha sum of weights)."""
    objective, start, samples = full_rank(loss, alpha_spatial=0.0, alpha_l2=0.1)
    y, weight = samples.totals()
    labels = (y.argmax(1) if loss is SoftmaxLoss else y[:, 0]).numpy()
    expected = LogisticRegression(
        C=objective.model.n_entries / (2 * 0.1 * float(weight.sum())), tol=1e-10, max_iter=5000
    )
    x = formed(objective.inputs).reshape(60, -1).numpy()
    expected.fit(x, labels, sample_weight=weight.numpy())
    scores = objective.model.scores(minimized(objective, start), objective.inputs)
    probabilities = scores.softmax(1) if loss is SoftmaxLoss else torch.cat([-scores, scores], 1).sigmoid()
    assert_same(probabilities, expected.predict_proba(x), rtol=1e-4, atol=1e-5)


def test_counts_as_scikit_learns_poisson_regression():
    """The same objective for each output: its alpha is twice ours over the entries of W that an output has."""
    objective, start, samples = full_rank(PoissonLoss, alpha_spatial=0.0, alpha_l2=0.1)
    y, weight = samples.totals()
    x = formed(objective.inputs).reshape(60, -1).numpy()
    alpha = 2 * 0.1 / (objective.model.n_entries / y.shape[1])
    scores = objective.model.scores(minimized(objective, start), objective.inputs)
    for counts, score in zip(y.T, scores.T, strict=True):
        expected = PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=5000).fit(x, counts, sample_weight=weight.numpy())
        assert_same(score.exp(), expected.predict(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model_class, rank", [(CP, 2), (Tucker, (2, 2))])
@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
def test_lbfgs_ends_where_the_gradient_is_zero(model_class, rank, loss):
    objective, start = low_rank(model_class, rank, loss=loss)
    found = minimized(objective, start)
    assert largest_gradient(objective, found) < 1e-4 * largest_gradient(objective, start)
    assert value_of(objective, found) < value_of(objective, start)


@pytest.mark.parametrize("rank, nonnegative", [(1, ["sea"]), (2, ["lag", "sea"])])
def test_projected_lbfgs_reaches_a_kkt_point(rank, nonnegative):
    """Factors that are exactly >= 0; where they are 0 the gradient holds them there, elsewhere it is 0."""
    objective, start = low_rank(rank=rank, nonnegative=nonnegative)
    found = minimized(objective, start)
    _, _, gradient = objective.value_and_gradient(found)
    tolerance = 1e-5 * largest_gradient(objective, start)
    n_zeros = 0
    for name, factor in found.items():
        if name in objective.model.bounded:
            assert bool((factor >= 0).all())
            at_zero = factor == 0
            n_zeros += int(at_zero.sum())
            assert bool((gradient[name][at_zero] >= -tolerance).all())
            assert bool((gradient[name][~at_zero].abs() <= tolerance).all())
        else:
            assert bool((gradient[name].abs() <= tolerance).all())
    assert n_zeros > 0  # the bound holds something


def test_projected_lbfgs_as_low_as_scipys_bounds():
    """Both modes bounded, from the same start."""
    objective, start = low_rank(rank=1, nonnegative=["lag", "sea"])
    names = list(start)
    bounds = [(0 if name in objective.model.bounded else None, None) for name in names for _ in start[name].reshape(-1)]

    def value_and_gradient(vector):
        value, _, gradient = objective.value_and_gradient(unflatten(torch.from_numpy(vector), start))
        return float(value), flatten(gradient).numpy()

    expected = minimize(value_and_gradient, flatten(start).numpy(), jac=True, method="L-BFGS-B", bounds=bounds,
                        options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-10})  # fmt: skip
    assert value_of(objective, minimized(objective, start)) <= expected.fun * (1 + 1e-4)


def test_lbfgs_stays_at_a_minimum():
    objective, start, samples = full_rank(SquaredLoss)
    exact = RidgeDesign(objective.model, samples).solve(Alphas(0.001, 0.01), samples.weight)
    assert_same(lbfgs(objective, exact, SolverSettings()), exact, rtol=1e-7, atol=1e-7)


def test_a_single_output_of_encodings_converges_too():
    inputs = encodings(n=200)
    model = FullRank(axes_for(inputs))
    samples = samples_of(inputs, LogisticLoss)
    objective = objective_of(model, samples, LogisticLoss)
    start = model.initial(samples.weight)
    assert_same(value_of(objective, minimized(objective, start)), by_scipy(objective, start)[0], rtol=1e-7)


@by_loss
def test_lbfgs_does_not_search_for_what_rounding_hides(loss):
    """In single precision, started near the minimum and told never to be content, it soon is."""
    objective, start, _ = full_rank(loss)
    found = {name: 1.001 * value.float() for name, value in minimized(objective, start).items()}
    y, weight, x, center = (
        values.float() for values in (objective.y, objective.weight, objective.inputs.x, objective.inputs.center)
    )
    inputs = replace(objective.inputs, x=x, center=center)
    model = FullRank(make_axes(inputs, LOSSES[loss], 0.2, weight))
    objective, evaluations = Objective(model, inputs, y, weight, loss, Alphas(0.001, 0.01)), []
    evaluate = objective.value_and_gradient
    objective.value_and_gradient = lambda parameters: evaluations.append(1) or evaluate(parameters)
    lbfgs(objective, found, SolverSettings(convergence=0.0))
    assert len(evaluations) < 15


def test_a_level_where_nothing_moves_is_seen_once():
    objective, start, _ = full_rank(SquaredLoss)
    objective.y = torch.zeros_like(objective.y)
    seen = []
    found = lbfgs(objective, start, SolverSettings(), seen.append)
    assert len(seen) == 1
    assert_same(found, start)


@pytest.mark.parametrize("curvature, is_kept", [(1.0, True), (1e-13, False), (0.0, False), (-1.0, False)])
def test_only_pairs_of_positive_curvature_are_remembered(curvature, is_kept):
    s, y = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor([curvature, 0.1], dtype=torch.float64)
    assert is_convex_along(float(s @ y), float(y @ y)) == is_kept
