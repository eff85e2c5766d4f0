"""From an estimator's parameters to the core's settings, checked before any long work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from math import prod

import torch

from sklearn_mrtl._estimators.fitted import TIMES
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.parameters import is_auto, one_of, validate_alpha, validate_count, validate_number
from sklearn_mrtl._estimators.schedule import axis_sizes
from sklearn_mrtl._estimators.terms import LARGEST_PRODUCT, RequestedTerm, by_name, requested_terms
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core import memory
from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.estimate import DataSizes, fit_bytes
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.low_rank import Rank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.terms import Term
from sklearn_mrtl.core.plan import Plan, Step, Train, full_rank_plan, paper_plan, phases_of
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, PhaseSettings, Settings
from sklearn_mrtl.core.solvers.base import CONVERGENCE, SolverSettings
from sklearn_mrtl.core.solvers.solve import SOLVERS
from sklearn_mrtl.core.stopping import CRITERIA, Criterion

STRONGEST = 1e24  # penalty
LARGEST_RANK = 21  # of those that are chosen from; by judgement


def make_plan_and_settings(
    estimator, loss: Loss, layout: Layout, levels: Sequence[Mapping], outputs: Outputs, seed: int
) -> tuple[list[Step], Settings]:
    """Return the plan and the settings of Algorithm 1 from the parameters of an estimator.

    Raises
    ------
    ValueError, TypeError
        That say what a parameter may be.
    """
    n_outputs, output_name = outputs.number, outputs.name
    one_of("solver", estimator.solver, ["auto", *SOLVERS])
    one_of("decomposition", estimator.decomposition, DECOMPOSITIONS)
    r0 = 1 if is_auto(estimator.full_rank_levels) else estimator.full_rank_levels
    r0 = validate_count("full_rank_levels", r0, at_least=0)
    if r0 > len(levels):
        raise ValueError(f"full_rank_levels={r0}, but there are {len(levels)} levels: {list(levels)}.")
    sizes = [axis_sizes(layout, level, outputs) for level in (levels[max(r0 - 1, 0)], levels[-1])]
    requested = requested_terms(estimator, layout, sizes[0])
    if requested and r0 == 0:
        raise ValueError(
            f"full_rank_levels=0 is for one tensor of all modes: set terms=None, got terms={estimator.terms!r}. "
            "Several terms need a full-rank start."
        )
    terms = core_terms(estimator, requested, layout, *sizes)
    ranks = ranks_to_try(estimator, *sizes) if len(sizes[0]) > 1 and not terms else ()
    names = [mode.name for mode in layout.modes] + ([output_name] if n_outputs > 1 else [])
    nonnegative = check_nonnegative(estimator.nonnegative, names)
    model = DECOMPOSITIONS[estimator.decomposition]
    if nonnegative and not model.keeps_signs:
        raise ValueError("nonnegative factors are for decomposition='cp'; a Tucker core would undo the signs.")
    if nonnegative and not terms and not ranks:
        raise ValueError("nonnegative is for the factors of a low-rank model, but rank is None or there is one mode.")
    is_no_restriction = ranks and not nonnegative and model.represents_every_matrix(ranks[0], sizes[-1])
    if terms and any(term.rank is not None for term in terms):
        plan = paper_plan(len(levels), r0)
    elif not ranks:
        plan = full_rank_plan(len(levels), decompose=False)
    elif is_no_restriction and is_auto(estimator.full_rank_levels):
        plan = full_rank_plan(len(levels), decompose=True)
    else:
        plan = paper_plan(len(levels), r0)
    # The full tensor converges further where no low-rank model goes on from it.
    convergence = CONVERGENCE if LOW_RANK in phases_of(plan) else CONVERGENCE / 10
    return plan, Settings(
        loss=loss,
        rank=ranks[0] if len(ranks) == 1 else None,
        ranks=ranks,
        full_rank=PhaseSettings(
            solver_of(estimator, seed, estimator.full_rank_learning_rate, convergence),
            validate_alpha("full_rank_alpha_spatial", estimator.full_rank_alpha_spatial),
            validate_alpha("full_rank_alpha_l2", estimator.full_rank_alpha_l2),
        ),
        low_rank=PhaseSettings(solver_of(estimator, seed), *((1.0, 1.0) if terms else single_alphas(estimator))),
        sigma=None if is_auto(estimator.sigma) else validate_number("sigma", estimator.sigma, above=0),
        decomposition=estimator.decomposition,
        nonnegative=frozenset(None if name == output_name else name for name in nonnegative),
        criterion=criterion_of(estimator.criterion),
        patience=validate_count("patience", estimator.patience),
        tol=validate_number("tol", estimator.tol),
        seed=seed,
        terms=terms,
        keeps_full_rank=not is_auto(estimator.full_rank_levels),
    )


def single_alphas(estimator) -> tuple[float | None, float | None]:
    """Return the strengths of a single term."""
    return validate_alpha("alpha_spatial", estimator.alpha_spatial), validate_alpha("alpha_l2", estimator.alpha_l2)


def core_terms(
    estimator, requested: Sequence[RequestedTerm], layout: Layout, coarse: list[int], fine: list[int]
) -> tuple[Term, ...]:
    """Return the terms of the core; a term of one mode has full rank.

    Parameters
    ----------
    coarse, fine : list of int
        Rows of a factor for each mode of the layout, and for several outputs, at the level that is decomposed and at
        the finest.
    """
    ranks = by_name("rank", estimator.rank, {term.name: tuple(term.name.split(TIMES)) for term in requested}, ())
    outputs = slice(len(layout.modes), None)
    terms = []
    for term in requested:
        own = [[sizes[m] for m in term.modes] + sizes[outputs] for sizes in (coarse, fine)]
        rank = ranks.get(term.name, "auto")
        candidates: tuple[Rank, ...] = ()
        if len(term.modes) == 1:
            if isinstance(estimator.rank, Mapping) and not (rank is None or is_auto(rank)):
                raise ValueError(f"rank must not name {term.name!r}: a term of one mode has full rank, got {rank!r}.")
            rank = None
        elif is_auto(rank):
            candidates = useful_ranks(estimator, own[0])
            rank = candidates[0]
        else:
            rank = check_rank(estimator, rank, *own)
        places = tuple(layout.order.index(m) for m in term.modes)
        is_large = prod(own[0]) > LARGEST_PRODUCT and not layout.is_fields and estimator.decomposition == "cp"
        sketched = is_large and rank is not None
        terms.append(Term(term.name, places, rank, term.strengths, candidates, sketched=sketched))
    return tuple(terms)


def solver_of(estimator, seed: int, learning_rate=None, convergence: float = CONVERGENCE) -> SolverSettings:
    """Return the settings of a phase's solver."""
    rate = estimator.learning_rate if learning_rate is None else learning_rate
    return SolverSettings(
        name="lbfgs" if is_auto(estimator.solver) else estimator.solver,
        max_epochs=validate_count("max_epochs", estimator.max_epochs),
        learning_rate=validate_number("learning_rate", rate, above=0),
        lr_decay=validate_number("lr_decay", estimator.lr_decay, above=0),
        convergence=convergence,
        newton=is_auto(estimator.solver),
        batch_size=None if is_auto(estimator.batch_size) else validate_count("batch_size", estimator.batch_size),
        seed=seed,
    )


def ranks_to_try(estimator, coarse: list[int], fine: list[int]) -> tuple[Rank, ...]:
    """Return the rank that is asked for, as far as it is useful; all that are tried for "auto"; none for None."""
    if not is_auto(estimator.rank):
        rank = check_rank(estimator, estimator.rank, coarse, fine)
        return () if rank is None else (rank,)
    return useful_ranks(estimator, coarse)


def useful_ranks(estimator, sizes: list[int]) -> tuple[Rank, ...]:
    """Return the ranks of which "auto" chooses, for a weight tensor of these sizes."""
    decomposition = DECOMPOSITIONS[estimator.decomposition]
    return tuple(dict.fromkeys(decomposition.fitting_rank(rank, sizes) for rank in range(1, LARGEST_RANK + 1)))


def check_rank(estimator, rank, coarse: list[int], fine: list[int]) -> Rank | None:
    """Return the rank that is trained: the one asked for, or the largest that the tensor can use."""
    if rank is None:
        return None
    if isinstance(rank, str):
        one_of("rank", rank, ["auto"])
    decomposition = DECOMPOSITIONS[estimator.decomposition]
    each = rank if isinstance(rank, Sequence) else [rank]
    for number in each:
        validate_count("rank", number)
    if isinstance(rank, Sequence):
        if not decomposition.rank_per_mode:
            raise ValueError(f"rank of decomposition={estimator.decomposition!r} is one number, got {rank!r}.")
        if len(rank) != len(fine):
            raise ValueError(
                f"rank needs a number for each of the {len(fine)} modes of the weight tensor, got {rank!r}."
            )
    rank = tuple(map(int, rank)) if isinstance(rank, Sequence) else int(rank)  # searches give NumPy's ints
    useful, fitting = (decomposition.fitting_rank(rank, sizes) for sizes in (fine, coarse))
    if fitting != useful:
        warn(
            f"rank={rank} is more than the weight tensor of the coarsest level that is decomposed can use: with sizes "
            f"{coarse} rank {fitting} represents it exactly, and {fitting} is what is trained. A finer first "
            "resolution, or more full_rank_levels, would allow more.",
        )
    return fitting


def check_nonnegative(nonnegative, names: Collection[str]) -> frozenset[str]:
    """Return the names of the modes whose factors are nonnegative."""
    if nonnegative is True or nonnegative == "all":
        return frozenset(names)
    chosen = [nonnegative] if isinstance(nonnegative, str) else list(nonnegative or ())
    for name in chosen:
        one_of("each of nonnegative", name, names)
    return frozenset(chosen)


def criterion_of(criterion) -> Criterion | None:
    """Return a function of an epoch's record; None: the solver's own end."""
    if callable(criterion):
        return criterion
    one_of("criterion", criterion, ["auto", *CRITERIA])
    return CRITERIA.get(criterion)


def in_core_units(settings: Settings, scale: float, scale_of: Callable[[Sequence[int]], float]) -> Settings:
    """Return the settings for inputs that are X divided by a scale, whose weights are those of X times that scale.

    A penalty beyond `STRONGEST` would overflow in single precision, and all weights are 0 long before.
    """

    def divided(alpha: float | None) -> float | None:
        return None if alpha is None else min(alpha / scale / scale, max(STRONGEST, alpha))

    def scaled(term: Term) -> Term:
        factor = 1 / scale_of(term.modes)
        return replace(term, strengths=term.strengths.times(factor).times(factor).at_most(STRONGEST))

    def phase(given: PhaseSettings) -> PhaseSettings:
        return replace(given, alpha_spatial=divided(given.alpha_spatial), alpha_l2=divided(given.alpha_l2))

    if settings.terms:
        return replace(settings, terms=tuple(scaled(term) for term in settings.terms))
    return replace(settings, full_rank=phase(settings.full_rank), low_rank=phase(settings.low_rank))


def in_user_units(alpha: float, scale: float) -> float:
    """Return a penalty's strength for X from that for inputs that are X divided by a scale."""
    return alpha * scale * scale


def check_memory(
    plan: Plan, settings: Settings, resolutions: Sequence[Shapes], n_outputs: Sequence[int], itemsize: int,
    device: torch.device,
) -> None:  # fmt: skip
    """Refuse a model that does not fit into memory, before anything is made; n_outputs are those at each level."""
    remedy = "A low rank, or a coarser grid, would need less."
    for term in [term for term in settings.terms if not term.sketched]:
        steps = [step for step in plan if isinstance(step, Train) and (term.rank is None or step.phase == FULL_RANK)]
        finest = max(step.level for step in steps)
        own = tuple(resolutions[finest][m] for m in term.modes)
        needed = memory.full_rank_bytes(own, n_outputs[finest], itemsize)
        memory.require_bytes(needed, device, f"the full-rank term {term.name!r} at {own}", "Leave the term out.")
    if settings.terms:
        return
    if LOW_RANK in phases_of(plan):
        remedy = "Coarser resolutions to start with, or full_rank_levels=0, would need less."
        decomposition = DECOMPOSITIONS[settings.decomposition]
        memory.require_bytes(
            memory.low_rank_bytes(decomposition, settings.ranks_to_try[-1], resolutions, n_outputs, itemsize), device,
            "training the factors",
            "A lower rank, or a coarser grid, would need less.",
        )  # fmt: skip
    full_rank_levels = [step.level for step in plan if isinstance(step, Train) and step.phase == FULL_RANK]
    if full_rank_levels:
        finest = max(full_rank_levels)
        shapes = resolutions[finest]
        needed = memory.full_rank_bytes(shapes, n_outputs[finest], itemsize)
        memory.require_bytes(needed, device, f"training the full-rank model at {shapes}", remedy)


def check_fit_memory(
    plan: Plan, settings: Settings, resolutions: Sequence[Shapes], data: DataSizes, n_outputs: Sequence[int],
    device: torch.device,
) -> None:  # fmt: skip
    """Refuse a fit whose samples, with what the training makes of them, do not fit into memory."""
    needed = fit_bytes(plan, settings, resolutions, data, n_outputs)
    memory.require_bytes(
        int(needed), device, f"training on {data.n_rows} rows",
        "Fewer rows, a coarser grid, or X in float32, would need less.",
    )  # fmt: skip
