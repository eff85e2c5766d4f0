"""Choice of the strengths of a sum of terms, on the coarsest grid.

Fellner-Schall updates find the proportions of all strengths. They take the rows for independent, which frames of the
same play are not: a common factor, chosen on blocks of rows that were left out, corrects for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log, prod

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.blocks import AnySamples, BlockInputs
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.terms import SEPARATOR, Strengths, Sum, Term, full_rank_sum
from sklearn_mrtl.core.penalties.fellner_schall import EACH, Estimate, fellner_schall, fixed_strengths
from sklearn_mrtl.core.penalties.folds import Folds, make_blocks
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.ranks import RankTrial
from sklearn_mrtl.core.penalties.term_ranks import choose_low_rank
from sklearn_mrtl.core.settings import Settings
from sklearn_mrtl.core.sketches import with_empty, with_sketches

STEP = 3.0  # between two factors that are tried: half a decade
MAX_STEPS = 6
FEW_SAMPLES_RANK = 0  # position of the rank that few samples get: the smallest
# Weights of a term for each sample, above which it is sketched. By judgement: with 12 weights for each, simulated shots
# have a lower log loss with full rank, by .001 to .003. Tracking frames have 31, where full rank costs three times the
# time; no clean comparison of the log loss was made there.
WEIGHTS_PER_ROW = 16
# Strengths of a sketched term relative to typical ones. By judgement, after two data sets whose test scores were seen.
SKETCHED_L2, SKETCHED_SMOOTHNESS = 0.01, 0.3
# Power of the ratio by which strengths of a product's grids are drawn to their common mean. By judgement, on five
# simulated data sets: half way the log loss is lower in each, by up to .0002, and the match score higher by .014 to
# .021; all the way matches are a little better still, but the log loss is higher by .0002 to .0012.
TO_COMMON = 0.5
MAX_CELLS = 1000  # of a grid whose own term is estimated on a finer level than the coarsest


@dataclass(frozen=True, eq=False)
class TermChoice:
    """Terms with their strengths, and what is known of the model at them.

    Attributes
    ----------
    terms : tuple of Term
    path : list of dict
        Cross-validated error of every common factor of the strengths ("factor") that was tried, and of every rank
        ("rank") and fraction of the strengths of low-rank terms ("fraction").
    start : Parameters or None
        A good start of the full-rank sum on the coarsest level.
    degrees_of_freedom : dict of str to float
        Effective number of parameters of each term there, by name; empty where nothing was estimated.
    """

    terms: tuple[Term, ...]
    path: list[dict]
    start: Parameters | None
    degrees_of_freedom: dict[str, float]


def choose_term_strengths(samples: AnySamples, coarsest: Shapes, settings: Settings) -> TermChoice:
    """Choose the strengths that the terms leave open.

    Parameters
    ----------
    samples : Samples or BlockSamples
        In the order of their rows.
    coarsest : shapes
    settings : Settings
        With terms.
    """
    settings = replace(settings, terms=mark_large(samples, coarsest, settings))
    if all(term.strengths.known and not term.ranks and not term.sketched for term in settings.terms):
        return TermChoice(settings.terms, [], None, {})
    options = settings.choice
    terms = estimate_single_modes(samples, coarsest, settings)
    blocks, part = make_blocks(samples, coarsest, options)
    axes = make_axes(blocks.inputs, blocks.n_outputs, settings.sigma, blocks.weight)
    given = [replace(term, strengths=term.strengths.times(1 / part)) for term in terms]
    n_filled = int((blocks.weight > 0).any(0).sum())
    if blocks.inputs.n_rows < options.min_rows or n_filled < 2:
        fixed = fixed_strengths(blocks, axes, given, settings.loss, part)
        chosen = tuple(term.with_rank(FEW_SAMPLES_RANK) for term in fixed)
        null = full_rank_sum(axes, [term for term in chosen if not term.sketched])
        _, start = with_sketches(null, null.initial(blocks.weight), chosen, blocks, settings)
        return TermChoice(chosen, [], start, {})
    n_rounds = options.rounds * options.folds_of(int((blocks.weight > 0).sum()))
    estimate = fellner_schall(
        blocks, axes, [term for term in given if not term.sketched], settings.loss, options.coarse_solver,
        settings.rows_per_weight, lambda seconds: options.expect(n_rounds * seconds),
    )  # fmt: skip
    folds = Folds(blocks, settings.loss, options)
    is_open = not all(term.strengths.known for term in settings.terms if not term.sketched)
    factor, fits, path = common_factor(estimate, folds, options, is_open=is_open)
    whole = all_terms(estimate, blocks, given, settings)
    best, more = choose_low_rank(estimate, whole, folds, fits, factor, settings)
    chosen = tuple(
        replace(
            term.with_rank(max(best.position, 0)),
            strengths=asked.strengths.filled_from(term.strengths.times(factor * part)),
            fraction=best.fraction if not asked.strengths.known else 1.0,
            sketched=term.sketched or (term.rank is not None and (best.is_empty or starts_from_fold(best, settings))),
        )
        for term, asked in zip(whole, settings.terms, strict=True)
    )
    degrees = dict(zip(estimate.model.names, estimate.degrees_of_freedom, strict=True))
    if best.is_empty:
        degrees |= {term.name: 0.0 for term in chosen if term.rank is not None}
    return TermChoice(chosen, path + more, start_of(estimate, best, chosen, blocks, settings), degrees)


def mark_large(samples: AnySamples, coarsest: Shapes, settings: Settings) -> tuple[Term, ...]:
    """Return the terms, those sketched that have many more weights than there are samples."""
    inputs = samples.inputs.template if isinstance(samples.inputs, BlockInputs) else samples.inputs
    if settings.decomposition != "cp" or not isinstance(inputs, EncodedInputs):
        return settings.terms
    most = WEIGHTS_PER_ROW * samples.inputs.n_rows
    sizes = [(term, prod(prod(coarsest[m]) for m in term.modes)) for term in settings.terms]
    return tuple(replace(t, sketched=t.sketched or (t.rank is not None and size > most)) for t, size in sizes)


def all_terms(estimate: Estimate, samples: Samples, given: Sequence[Term], settings: Settings) -> list[Term]:
    """Return all terms in order: those whose strengths were estimated, and sketched ones with typical strengths."""
    asked = {term.name: term.strengths for term in given}
    found = {t.name: replace(t, strengths=nearer_to_common(t.strengths, asked[t.name])) for t in estimate.terms}
    for term in fixed_strengths(samples, estimate.model.axes, given, settings.loss, SKETCHED_SMOOTHNESS):
        l2 = SKETCHED_L2 / SKETCHED_SMOOTHNESS * (term.strengths.l2 or 0.0)
        found.setdefault(term.name, replace(term, strengths=replace(term.strengths, l2=l2)))
    return [replace(found[name], strengths=asked[name].filled_from(found[name].strengths)) for name in asked]


def nearer_to_common(strengths: Strengths, asked: Strengths) -> Strengths:
    """Draw the strengths of several grids to their geometric mean, each grid's by one factor, if none was given.

    Full weights of many cells tell the strengths of a product's grids apart only roughly.
    """
    logarithms = [[log(alpha) for alpha in along if alpha] for along in strengths.spatial if along]
    if len(logarithms) < 2 or any(alpha is not None for along in asked.spatial for alpha in along):
        return strengths
    means = [sum(along) / len(along) for along in logarithms]
    common, own = sum(means) / len(means), iter(means)
    factors = [exp(TO_COMMON * (common - next(own))) if along else 1.0 for along in strengths.spatial]
    pairs = zip(strengths.spatial, factors, strict=True)
    return replace(strengths, spatial=tuple(tuple(factor * (a or 0.0) for a in along) for along, factor in pairs))


def start_of(
    estimate: Estimate, best: RankTrial[Sum], chosen: Sequence[Term], samples: Samples, settings: Settings
) -> Parameters:
    """Return the parameters with which the training starts: those of the first fold's fit, where one was made.

    Else, and where full-rank levels were asked for, they are the estimate's, and factors of sketched terms. Factors of
    terms that gain nothing are 0.
    """
    if best.is_empty:
        return with_empty(estimate.parameters, estimate.model.axes, chosen, settings)
    if starts_from_fold(best, settings):
        return best.fits[0]
    if not best.fits:
        return with_sketches(estimate.model, estimate.parameters, chosen, samples, settings)[1]
    names = tuple(term.name + SEPARATOR for term in chosen if term.sketched)
    factors = {name: value for name, value in best.fits[0].items() if name.startswith(names)}
    return {**estimate.parameters, **factors}


def starts_from_fold(best: RankTrial[Sum], settings: Settings) -> bool:
    """Return whether the training goes on from a fold's fit of low rank, whose errors were seen, not from full rank."""
    return bool(best.fits) and not settings.keeps_full_rank


def estimate_single_modes(samples: AnySamples, coarsest: Shapes, settings: Settings) -> tuple[Term, ...]:
    """Estimate the strengths of the terms of one mode on a finer level, where a map's roughness shows better.

    There all terms of several modes are left out.
    """
    single = [term for term in settings.terms if len(term.modes) == 1]
    modes = {m for term in single for m in term.modes}
    shapes = tuple(
        finer_shape(shape, coarse) if m in modes else coarse
        for m, (shape, coarse) in enumerate(zip(samples.inputs.shapes, coarsest, strict=True))
    )
    if shapes == coarsest or all(term.strengths.known for term in single):
        return settings.terms
    blocks, part = make_blocks(samples, shapes, settings.choice)
    axes = make_axes(blocks.inputs, blocks.n_outputs, settings.sigma, blocks.weight)
    if blocks.inputs.n_rows < settings.choice.min_rows:
        return settings.terms
    given = [replace(term, strengths=term.strengths.times(1 / part)) for term in single]
    solver = settings.choice.coarse_solver
    estimate = fellner_schall(blocks, axes, given, settings.loss, solver, settings.rows_per_weight)
    found = {term.name: replace(term, strengths=term.strengths.times(part)) for term in estimate.terms}
    return tuple(found.get(term.name, term) for term in settings.terms)


def finer_shape(finest: tuple[int, ...], coarsest: tuple[int, ...]) -> tuple[int, ...]:
    """Halve the finest shape of a grid until it has few cells, but not below the coarsest shape."""
    shape = finest
    while prod(shape) > MAX_CELLS and shape != coarsest:
        shape = tuple(max(ceil(n / 2), least) for n, least in zip(shape, coarsest, strict=True))
    return shape


def common_factor(
    estimate: Estimate, folds: Folds, options: ChoiceOptions, *, is_open: bool
) -> tuple[float, list[Parameters], list[dict]]:
    """Choose the factor of all strengths that are estimated: larger ones while the loss on left-out blocks falls.

    Smaller ones are tried where larger ones are no better.

    Returns
    -------
    factor : float
    fits : list of Parameters
        With these strengths, one for each fold.
    path : list of dict
    """
    null = folds.null_loss()
    path: list[dict] = []
    fits = folds.train(estimate.model, EACH, [estimate.parameters] * len(folds))
    if not is_open:
        return 1.0, fits, path
    least = folds.left_out_loss(estimate.model, fits)
    best, kept = 0, fits
    path.append({"factor": 1.0, "error": least})
    for direction in (1, -1):
        at = fits
        for step in range(direction, direction * (MAX_STEPS + 1), direction):
            at = folds.train(estimate.model, EACH.times(STEP**step), at)
            error = folds.left_out_loss(estimate.model, at)
            path.append({"factor": STEP**step, "error": error})
            if not error < least - options.trifle(null, least):
                break
            best, least, kept = step, error, at
        if best > 0:
            break
    return STEP**best, kept, path
