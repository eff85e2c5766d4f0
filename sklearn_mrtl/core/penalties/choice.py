"""Choice of the penalties' strengths by block cross-validation of the full-rank model on the coarsest grid.

Both penalties are means over the entries of W: what is best on the coarsest grid means the same on every other one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.low_rank import LowRank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.terms import Term
from sklearn_mrtl.core.penalties.fellner_schall import EACH
from sklearn_mrtl.core.penalties.folds import ExactErrors, Folds, IterativeErrors, largest_eigenvalue, make_blocks
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.term_choice import choose_term_strengths
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, PhaseSettings, Settings
from sklearn_mrtl.core.solvers import ridge


@dataclass(frozen=True, eq=False)
class Choice:
    """The settings of the phases with their strengths, and what is known of the model at them.

    Attributes
    ----------
    phases : dict of str to PhaseSettings
    path : list of dict
        alpha_spatial, alpha_l2 and cross-validated error of all that was tried; of the low-rank model also the
        "fraction" of the full-rank model's strengths.
    start : Parameters or None
        A good start of the full-rank model on the coarsest level.
    is_solution : bool
        Whether the start minimizes the objective there.
    terms : tuple of Term
        Of a sum, with their strengths.
    degrees_of_freedom : dict of str to float
        Effective number of parameters of each term on the coarsest level.
    """

    phases: dict[str, PhaseSettings]
    path: list[dict] = field(default_factory=list)
    start: Parameters | None = None
    is_solution: bool = False
    terms: tuple[Term, ...] = ()
    degrees_of_freedom: dict[str, float] = field(default_factory=dict)


def choose_strengths(samples: Samples, coarsest: Shapes, phases: Sequence[str], settings: Settings) -> Choice:
    """Choose the strengths that the settings leave open.

    Parameters
    ----------
    samples : Samples
        In the order of their rows.
    coarsest : shapes
    phases : sequence of str
        In which the model will be trained.
    settings : Settings
    """
    low, full = settings.low_rank, settings.full_rank
    if settings.terms:
        of_terms = choose_term_strengths(samples, coarsest, settings)
        both = {FULL_RANK: full.with_default(EACH), LOW_RANK: low.with_default(EACH)}
        degrees = of_terms.degrees_of_freedom
        return Choice(both, of_terms.path, of_terms.start, terms=of_terms.terms, degrees_of_freedom=degrees)
    if None not in low.alphas:
        return Choice({FULL_RANK: full.with_default(low.alphas), LOW_RANK: low})
    blocks, part = make_blocks(samples, coarsest, settings.loss, settings.choice)
    model = FullRank(make_axes(blocks.inputs, blocks.n_outputs, settings.sigma, blocks.weight))
    spatial, l2 = (None if alpha is None else alpha / part for alpha in (low.alpha_spatial, low.alpha_l2))
    selection = select_alphas(model, blocks, settings.loss, spatial, l2, settings.choice)
    fraction, path = 1.0, selection.path
    if path and list(phases) == [FULL_RANK, LOW_RANK]:
        low_rank = DECOMPOSITIONS[settings.decomposition](model.axes, settings.nonnegative)
        fraction, more = low_rank_fraction(model, low_rank, blocks, selection, settings)
        path = path + more
    alphas = selection.alphas.times(part)
    chosen = {FULL_RANK: full.with_default(alphas), LOW_RANK: low.with_default(alphas.times(fraction))}
    path = [{**tried, **{name: part * tried[name] for name in ("alpha_spatial", "alpha_l2")}} for tried in path]
    if full.solver.name != "lbfgs":
        return Choice(chosen, path)
    is_solution = selection.is_solution and chosen[FULL_RANK].alphas == selection.alphas
    return Choice(chosen, path, selection.start, is_solution)


@dataclass(frozen=True, eq=False)
class Selection:
    """Strengths of the full-rank model's penalties, and what is known of it at them.

    Attributes
    ----------
    alphas : Alphas
    path : list of dict
        alpha_spatial, alpha_l2 and cross-validated error of all that was tried.
    start : Parameters or None
        Of the model at these strengths: a good start, or its solution.
    is_solution : bool
    of_folds : list of Parameters
        The model without the left-out blocks of each fold.
    """

    alphas: Alphas
    path: list[dict] = field(default_factory=list)
    start: Parameters | None = None
    is_solution: bool = False
    of_folds: list[Parameters] = field(default_factory=list)


def select_alphas(
    model: FullRank, samples: Samples, loss: Loss, alpha_spatial: float | None, alpha_l2: float | None,
    options: ChoiceOptions,
) -> Selection:  # fmt: skip
    """Choose the alphas that are None; keep those that are not.

    A walk from strong penalties to weak ones finds the order of magnitude; it ends when the error has risen twice in a
    row, or is far above the best. Shorter walks in half decades, until the error rises, then refine it for one
    proportion of the two penalties after the other. More smoothness is tried only where less of it was no better.

    Parameters
    ----------
    samples : Samples
        In blocks.
    """
    if alpha_spatial is not None and alpha_l2 is not None:
        return Selection(Alphas(alpha_spatial, alpha_l2))
    n_entries = model.n_entries / model.n_outputs
    scale = largest_eigenvalue(model, samples) * n_entries * loss.curvature / SquaredLoss.curvature
    smoothest = options.smoothest_gradient if any(axis.smoothness for axis in model.axes) else float("inf")

    def alphas_at(step: int, proportion: float) -> Alphas:
        """Return the strengths at so many half decades below the strongest."""
        strength = options.strongest * 10 ** (-step / 2)
        l2 = scale * strength / (1 + proportion) if alpha_l2 is None else alpha_l2
        spatial = scale * strength * proportion / (1 + proportion) / smoothest
        return Alphas(spatial if alpha_spatial is None else alpha_spatial, l2)

    n_filled = int((samples.weight > 0).any(0).sum())  # blocks; one row may weigh as much as all
    if samples.inputs.n_rows < options.min_rows or n_filled < 2:
        return Selection(alphas_at(options.fixed_step, options.proportions[0]))
    is_exact = loss is SquaredLoss and ridge.is_affordable(model, samples)
    errors = ExactErrors(model, samples) if is_exact else IterativeErrors(model, samples, loss, options)
    path: list[dict] = []
    tried: dict[Alphas, float] = {}

    def walk(step: int, stride: int, max_rises: int, proportion: float) -> int:
        """Return the best step on the way from here to weaker penalties."""
        best, rises, last = (float("inf"), step), 0, float("inf")  # error and step
        while step <= options.weakest_step and rises < max_rises and last <= options.stop_ratio * best[0]:
            alphas = alphas_at(step, proportion)
            if alphas not in tried:
                tried[alphas] = errors(alphas)
                path.append({"alpha_spatial": alphas.spatial, "alpha_l2": alphas.l2, "error": tried[alphas]})
            rises = rises + 1 if tried[alphas] > last * (1 + 1e-6) else 0
            best, last = min(best, (tried[alphas], step)), tried[alphas]
            step += stride
        return best[1]

    step, least = walk(0, 2, 2, options.proportions[0]), float("inf")
    for proportion in options.proportions if smoothest < float("inf") else options.proportions[:1]:
        step = walk(max(step - 1, 0), 1, 1, proportion)
        if min(tried.values()) < least < float("inf"):
            break
        least = min(tried.values())
    best = min(tried, key=lambda alphas: tried[alphas])
    if tried[best] == float("inf"):  # no errors to choose by
        return Selection(alphas_at(options.fixed_step, options.proportions[0]), path)
    if isinstance(errors, ExactErrors):
        return Selection(best, path, errors.solution(best), is_solution=True)
    return Selection(best, path, errors.best[0], of_folds=errors.best)


def low_rank_fraction(
    model: FullRank, low_rank: LowRank, samples: Samples, selection: Selection, settings: Settings
) -> tuple[float, list[dict]]:
    """Choose the fraction of the full-rank model's strengths for the low-rank one, which its rank regularizes too.

    On each fold the full-rank model is decomposed, and the low-rank one goes on from there with weaker and weaker
    penalties, as long as the loss on the left-out blocks falls by more than noise.

    Returns
    -------
    fraction : float
        1 or less.
    path : list of dict
        alpha_spatial, alpha_l2, cross-validated error and fraction of all that was tried.
    """
    options = settings.choice
    folds = Folds(samples, settings.loss, options)
    full = selection.of_folds
    if not full:
        full = folds.train(model, selection.alphas, [model.initial(samples.weight)] * len(folds))
    fits = [low_rank.from_full_rank(parameters, settings.required_rank, settings.seed) for parameters in full]
    null, path, best = folds.null_loss(), [], {"fraction": options.fractions[0], "error": float("inf")}
    for fraction in options.fractions:
        alphas = selection.alphas.times(fraction)
        fits = folds.train(low_rank, alphas, fits)
        error = folds.left_out_loss(low_rank, fits)
        path.append({"alpha_spatial": alphas.spatial, "alpha_l2": alphas.l2, "error": error, "fraction": fraction})
        if not error < best["error"] - options.min_gain * max(null - error, 0):
            break
        best = path[-1]
    return best["fraction"], path
