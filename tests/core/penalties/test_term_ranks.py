"""The choice of the ranks of a sum against sums of dense tensors, fitted on every fold."""

from dataclasses import replace

import pytest
import torch
from helpers import axes_for, encodings, formed, normal

from sklearn_mrtl import Feature
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.terms import Strengths, Term
from sklearn_mrtl.core.penalties.fellner_schall import EACH, fellner_schall
from sklearn_mrtl.core.penalties.folds import Folds
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.term_ranks import STRONGER, TermRanks, choose_low_rank
from sklearn_mrtl.core.settings import PhaseSettings, Settings
from sklearn_mrtl.core.solvers.base import SolverSettings

LONG = SolverSettings(max_epochs=300, convergence=1e-6)
OPTIONS = ChoiceOptions(coarse_solver=LONG, fractions=(1.0, 0.1))
MODES = (Feature("a", 7), Feature("b", 6))
TERMS = (
    Term("a", (0,), None, Strengths(None, ((),))),
    Term("b", (1,), None, Strengths(None, ((),))),
    Term("a x b", (0, 1), 1, Strengths(None, ((), ())), (1, 2, 3, 4)),
)


def problem(rank, terms=TERMS, n=400, noise=0.5):
    """Return what a choice needs: data with an effect of each category, and of pairs by a product of a rank."""
    inputs = encodings(MODES, n=n)
    x = formed(inputs)
    product = 3 * normal(7, rank, seed=3) @ normal(rank, 6, seed=4) if rank else torch.zeros(7, 6)
    weights = normal(7, 1, seed=1) + normal(1, 6, seed=2) + product.double()
    y = torch.einsum("nab,ab->n", x, weights) + noise * normal(n, seed=5)
    samples = Samples.from_rows(inputs, y[:, None], torch.ones(n, dtype=torch.float64))
    blocks = samples.in_blocks(inputs.shapes, OPTIONS.n_blocks, OPTIONS.gap)
    phase = PhaseSettings(LONG, 1.0, 1.0)
    settings = Settings(SquaredLoss, None, phase, phase, None, terms=terms, choice=OPTIONS)
    full = [term for term in terms if not term.sketched]
    estimate = fellner_schall(blocks, axes_for(inputs), full, SquaredLoss, LONG)
    folds = Folds(blocks, SquaredLoss, OPTIONS)
    fits = folds.train(estimate.model, EACH, [estimate.parameters] * len(folds))
    return estimate, folds, fits, settings


def dense_error(estimate, folds, rank, fraction):
    """Return the mean error on left-out blocks of sums of dense tensors, the product from its factors, by autograd."""
    alphas = [term.strengths.l2 for term in estimate.terms]
    errors = []
    for training, left_out in zip(folds.training, folds.left_out, strict=True):
        y, weight = training.totals()
        x = [formed(training.inputs.of_modes(modes)) for modes in ((0,), (1,), (0, 1))]
        best = None
        for seed in range(3):
            sizes = [(1,), (7,), (6,), *([(7, rank), (rank, 6)] if rank else [])]
            weights = [normal(*size, seed=10 * seed + k).mul(0.5).requires_grad_() for k, size in enumerate(sizes)]
            solver = torch.optim.LBFGS(weights, max_iter=500, tolerance_change=1e-12, line_search_fn="strong_wolfe")

            def tensors(weights=weights):
                b, *singles = weights[:3]
                return b, [*singles, weights[3] @ weights[4]] if rank else singles

            def objective(solver=solver, tensors=tensors, x=x, y=y, weight=weight):
                solver.zero_grad()
                b, parts = tensors()
                scores = b + sum((dense * part).flatten(1).sum(1) for dense, part in zip(x, parts, strict=False))
                loss = weight @ (scores - y[:, 0]).square() / weight.sum()
                for k, (alpha, part) in enumerate(zip(alphas, parts, strict=False)):
                    loss = loss + (fraction if k == 2 else 1.0) * alpha * part.square().mean()
                loss.backward()
                return loss

            solver.step(objective)
            value = float(objective().detach())
            if best is None or value < best[0]:
                best = value, tensors()
        b, parts = best[1]
        held = [formed(left_out.inputs.of_modes(modes)) for modes in ((0,), (1,), (0, 1))]
        scores = b + sum((dense * part).flatten(1).sum(1) for dense, part in zip(held, parts, strict=False))
        squares = (scores.detach()[:, None] - left_out.y[:, :, 0]).square()
        errors += [
            float(left_out.weight[:, n] @ squares[:, n] / left_out.weight[:, n].sum()) for n in range(squares.shape[1])
        ]
    return sum(errors) / len(errors)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_errors_and_choice_are_those_of_dense_sums(rank):
    estimate, folds, fits, settings = problem(rank)
    best, path = choose_low_rank(estimate, estimate.terms, folds, fits, 1.0, settings)
    assert (0 if best.is_empty else best.position + 1) == rank
    for tried in path:
        of_product = tried["rank"].get("a x b", 0)
        if of_product <= max(rank, 1):  # more components than there are end in other minima
            expected = dense_error(estimate, folds, of_product, tried["fraction"])
            assert tried["error"] == pytest.approx(expected, rel=1e-2)


def test_a_sum_whose_ranks_and_strengths_are_given_has_nothing_to_choose():
    known = Strengths(0.1, ((), ()))
    terms = (*TERMS[:2], replace(TERMS[2], strengths=known, ranks=()))
    estimate, folds, fits, settings = problem(1, terms)
    best, path = choose_low_rank(estimate, terms, folds, fits, 1.0, settings)
    assert (best.position, best.fraction, path) == (0, 1.0, [])


def test_sketches_go_on_from_those_of_a_smaller_rank_and_try_stronger_penalties():
    sketch = replace(TERMS[2], sketched=True, strengths=Strengths(0.01, ((), ())))
    estimate, folds, fits, settings = problem(2, (*TERMS[:2], sketch))
    terms = [*estimate.terms, sketch]
    choice = TermRanks(estimate, terms, folds, fits, EACH, settings, None)
    assert choice.fractions == (*STRONGER, *OPTIONS.fractions)
    smaller = choice.without_smaller(0)
    _, starts = choice.start(1, smaller, folds.every)
    for start, fit in zip(starts, smaller.fits, strict=True):
        for name in ("a x b: factor 0", "a x b: factor 1"):
            torch.testing.assert_close(start[name][:, :1], fit[name])
            assert start[name].shape[1] == 2
