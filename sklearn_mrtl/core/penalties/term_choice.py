"""Choice of the strengths of a sum of terms, on the coarsest grid.

Fellner-Schall updates find the proportions of all strengths. They take the rows for independent, which frames of the
same play are not: a common factor, chosen on blocks of rows that were left out, corrects for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.terms import Term
from sklearn_mrtl.core.penalties.fellner_schall import EACH, Estimate, fellner_schall, fixed_strengths
from sklearn_mrtl.core.penalties.folds import Folds, make_blocks
from sklearn_mrtl.core.settings import Settings

STEP = 3.0  # between two factors that are tried: half a decade
MAX_STEPS = 6
MAX_CELLS = 1000  # of a grid whose own term is estimated on a finer level than the coarsest
MIN_GAIN = 1e-3  # of what is explained, for which another factor is tried


@dataclass(frozen=True, eq=False)
class TermChoice:
    """Terms with their strengths, and what is known of the model at them.

    Attributes
    ----------
    terms : tuple of Term
    path : list of dict
        factor of all strengths and cross-validated error of all that was tried.
    start : Parameters or None
        A good start of the full-rank sum on the coarsest level.
    degrees_of_freedom : dict of str to float
        Effective number of parameters of each term there, by name; empty where nothing was estimated.
    """

    terms: tuple[Term, ...]
    path: list[dict]
    start: Parameters | None
    degrees_of_freedom: dict[str, float]


def choose_term_strengths(samples: Samples, resolutions: Sequence[Shapes], settings: Settings) -> TermChoice:
    """Choose the strengths that the terms leave open.

    Parameters
    ----------
    samples : Samples
        In the order of their rows.
    resolutions : sequence of shapes
        The coarsest level, on which all strengths are estimated, and finer ones for those of single modes.
    settings : Settings
        With terms.
    """
    if all(term.strengths.known for term in settings.terms):
        return TermChoice(settings.terms, [], None, {})
    options = settings.choice
    terms = estimate_single_modes(samples, resolutions, settings)
    blocks, part = make_blocks(samples, resolutions[0], settings.loss, options)
    axes = make_axes(blocks.inputs, blocks.n_outputs, settings.sigma, blocks.weight)
    given = [replace(term, strengths=term.strengths.times(1 / part)) for term in terms]
    n_filled = int((blocks.weight > 0).any(0).sum())
    if blocks.inputs.n_rows < options.min_rows or n_filled < 2:
        return TermChoice(fixed_strengths(blocks, axes, given, settings.loss, part), [], None, {})
    estimate = fellner_schall(blocks, axes, given, settings.loss, options.coarse_solver)
    factor, path = common_factor(estimate, blocks, settings)
    chosen = tuple(
        replace(term, strengths=asked.strengths.filled_from(term.strengths.times(factor * part)))
        for term, asked in zip(estimate.terms, settings.terms, strict=True)
    )
    degrees = {term.name: own for term, own in zip(chosen, estimate.degrees_of_freedom, strict=True)}
    return TermChoice(chosen, path, estimate.parameters, degrees)


def estimate_single_modes(
    samples: Samples, resolutions: Sequence[Shapes], settings: Settings
) -> tuple[Term, ...]:  # fmt: skip
    """Estimate the strengths of the terms of one mode on a finer level, where a map's roughness shows better.

    There all terms of several modes are left out.
    """
    single = [term for term in settings.terms if len(term.modes) == 1]
    modes = {m for term in single for m in term.modes}
    finer = [
        shapes for shapes in resolutions
        if all(shapes[m] == resolutions[0][m] or prod(shapes[m]) <= MAX_CELLS for m in modes)
    ]  # fmt: skip
    if finer[-1] == resolutions[0] or all(term.strengths.known for term in single):
        return settings.terms
    blocks, part = make_blocks(samples, finer[-1], settings.loss, settings.choice)
    axes = make_axes(blocks.inputs, blocks.n_outputs, settings.sigma, blocks.weight)
    if blocks.inputs.n_rows < settings.choice.min_rows:
        return settings.terms
    given = [replace(term, strengths=term.strengths.times(1 / part)) for term in single]
    estimate = fellner_schall(blocks, axes, given, settings.loss, settings.choice.coarse_solver)
    found = {term.name: replace(term, strengths=term.strengths.times(part)) for term in estimate.terms}
    return tuple(found.get(term.name, term) for term in settings.terms)


def common_factor(estimate: Estimate, blocks: Samples, settings: Settings) -> tuple[float, list[dict]]:
    """Choose the factor of all strengths: larger ones as long as the loss on left-out blocks falls, or smaller ones."""
    folds = Folds(blocks, settings.loss, settings.choice)
    null, path = folds.null_loss(), []
    fits = folds.train(estimate.model, EACH, [estimate.parameters] * len(folds))
    errors = {0: folds.left_out_loss(estimate.model, fits)}
    path.append({"factor": 1.0, "error": errors[0]})
    best = 0
    for direction in (1, -1):
        at = fits
        for step in range(direction, direction * (MAX_STEPS + 1), direction):
            factor = STEP**step
            at = folds.train(estimate.model, EACH.times(factor), at)
            errors[step] = folds.left_out_loss(estimate.model, at)
            path.append({"factor": factor, "error": errors[step]})
            if not errors[step] < errors[best] - MIN_GAIN * max(null - errors[best], 0):
                break
            best = step
        if best > 0:
            break
    return STEP**best, path
