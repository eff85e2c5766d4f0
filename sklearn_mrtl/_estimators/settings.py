"""From an estimator's parameters to the core's settings, checked before any long work."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from math import prod
from numbers import Integral, Real

import torch
from sklearn.utils import check_random_state, check_scalar

from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl.core import memory
from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.plan import Plan, Step, Train, full_rank_plan, paper_plan, phases_of
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, PhaseSettings, Settings
from sklearn_mrtl.core.solvers.base import CONVERGENCE, SolverSettings
from sklearn_mrtl.core.solvers.solve import SOLVERS
from sklearn_mrtl.core.stopping import CRITERIA, Criterion
from sklearn_mrtl.modes import Feature, Grid


def make_plan_and_settings(
    estimator, loss: Loss, layout: Layout, levels: Sequence[Mapping], n_outputs: int, output_name: str
) -> tuple[list[Step], Settings]:
    """Return the plan and the settings of Algorithm 1 from the parameters of an estimator.

    Raises
    ------
    ValueError, TypeError
        That say what a parameter may be.
    """
    one_of("solver", estimator.solver, ["auto", *SOLVERS])
    one_of("decomposition", estimator.decomposition, DECOMPOSITIONS)
    r0 = 1 if estimator.full_rank_levels == "auto" else estimator.full_rank_levels
    r0 = check_scalar(r0, "full_rank_levels", Integral, min_val=0)
    if r0 > len(levels):
        raise ValueError(f"full_rank_levels={r0}, but there are {len(levels)} levels: {list(levels)}.")
    sizes = [axis_sizes(layout, level, n_outputs) for level in (levels[max(r0 - 1, 0)], levels[-1])]
    rank = check_rank(estimator, *sizes) if len(sizes[0]) > 1 else None
    names = [mode.name for mode in layout.modes] + ([output_name] if n_outputs > 1 else [])
    nonnegative = check_nonnegative(estimator.nonnegative, names)
    model = DECOMPOSITIONS[estimator.decomposition]
    if nonnegative and not model.keeps_signs:
        raise ValueError("nonnegative factors are for decomposition='cp'; a Tucker core would undo the signs.")
    if nonnegative and rank is None:
        raise ValueError("nonnegative is for the factors of a low-rank model, but rank is None or there is one mode.")
    if rank is None:
        plan = full_rank_plan(len(levels), decompose=False)
    elif estimator.full_rank_levels == "auto" and not nonnegative and model.represents_every_matrix(rank, sizes[-1]):
        plan = full_rank_plan(len(levels), decompose=True)
    else:
        plan = paper_plan(len(levels), r0)
    # The full tensor converges further where no low-rank model goes on from it.
    convergence = CONVERGENCE if LOW_RANK in phases_of(plan) else CONVERGENCE / 10
    return plan, Settings(
        loss=loss,
        rank=rank,
        full_rank=PhaseSettings(
            solver_of(estimator, estimator.full_rank_learning_rate, convergence),
            alpha_of("full_rank_alpha_spatial", estimator.full_rank_alpha_spatial),
            alpha_of("full_rank_alpha_l2", estimator.full_rank_alpha_l2),
        ),
        low_rank=PhaseSettings(
            solver_of(estimator),
            alpha_of("alpha_spatial", estimator.alpha_spatial),
            alpha_of("alpha_l2", estimator.alpha_l2),
        ),
        sigma=None if estimator.sigma == "auto" else positive("sigma", estimator.sigma),
        decomposition=estimator.decomposition,
        nonnegative=frozenset(None if name == output_name else name for name in nonnegative),
        criterion=criterion_of(estimator.criterion),
        patience=check_scalar(estimator.patience, "patience", Integral, min_val=1),
        tol=check_scalar(estimator.tol, "tol", Real, min_val=0),
        seed=int(check_random_state(estimator.random_state).randint(2**31 - 1)),
    )


def solver_of(estimator, learning_rate=None, convergence: float = CONVERGENCE) -> SolverSettings:
    """The solver of a stage."""
    rate = estimator.learning_rate if learning_rate is None else learning_rate
    auto_batch = estimator.batch_size == "auto"
    return SolverSettings(
        name="lbfgs" if estimator.solver == "auto" else estimator.solver,
        max_epochs=check_scalar(estimator.max_epochs, "max_epochs", Integral, min_val=1),
        learning_rate=positive("learning_rate", rate),
        lr_decay=positive("lr_decay", estimator.lr_decay),
        convergence=convergence,
        batch_size=None if auto_batch else check_scalar(estimator.batch_size, "batch_size", Integral, min_val=1),
        seed=0
        if estimator.random_state is None
        else int(check_random_state(estimator.random_state).randint(2**31 - 1)),
    )


def axis_sizes(layout: Layout, level: Mapping, n_outputs: int) -> list[int]:
    """Rows of a factor for each axis of the weight tensor at a level."""
    sizes = [prod(level[mode.name]) if isinstance(mode, Grid) else mode.size + mode.pooled for mode in layout.modes]
    return sizes + ([n_outputs] if n_outputs > 1 else [])


def check_rank(estimator, coarse: list[int], fine: list[int]) -> int | tuple[int, ...] | None:
    """The rank that is trained: the one asked for, unless the tensor has no use for it."""
    rank = estimator.rank
    if rank is None:
        return None
    decomposition = DECOMPOSITIONS[estimator.decomposition]
    each = rank if isinstance(rank, Sequence) else [rank]
    for number in each:
        check_scalar(number, "rank", Integral, min_val=1)
    rank = tuple(int(k) for k in rank) if isinstance(rank, Sequence) else int(rank)  # numpy's integers too
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
        warnings.warn(
            f"rank={rank} is more than the weight tensor of the coarsest level that is decomposed can use: with sizes "
            f"{coarse} rank {fitting} represents it exactly, and {fitting} is what is trained. A finer first "
            "resolution, or more full_rank_levels, would allow more.",
            stacklevel=5,
        )
    return fitting


def check_nonnegative(nonnegative, names: Collection[str]) -> frozenset[str]:
    """Names of modes."""
    if nonnegative is True or nonnegative == "all":
        return frozenset(names)
    chosen = [nonnegative] if isinstance(nonnegative, str) else list(nonnegative or ())
    for name in chosen:
        one_of("each of nonnegative", name, names)
    return frozenset(chosen)


def criterion_of(criterion) -> Criterion | None:
    """A function of an epoch's record; None: the solver's own end."""
    if callable(criterion):
        return criterion
    one_of("criterion", criterion, ["auto", *CRITERIA])
    return CRITERIA.get(criterion)


def alpha_of(name: str, alpha) -> float | None:
    """A penalty's strength; None: to be chosen."""
    if alpha is None and name.startswith("full_rank"):
        return None
    if isinstance(alpha, str) and alpha == "auto":
        return None
    if not isinstance(alpha, Real) or isinstance(alpha, bool):
        raise TypeError(f"{name} must be 'auto' or a number, got {alpha!r}.")
    return float(check_scalar(alpha, name, Real, min_val=0))


def positive(name: str, value) -> float:
    """A positive number."""
    return float(check_scalar(value, name, Real, min_val=0, include_boundaries="neither"))


def one_of(name: str, value, known: Collection) -> None:
    """Refuse an unknown name, listing the known ones."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {sorted(known)}, got {value!r}.")


def resolve_device(device) -> torch.device:
    """The device; "auto" is a GPU where there is one."""
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={str(device)!r} asks for a GPU, and torch sees none; 'cpu' or 'auto' would do.")
    return device


def check_memory(
    plan: Plan, settings: Settings, resolutions: Sequence[Shapes], n_outputs: int, itemsize: int, device: torch.device
) -> None:
    """Refuse a model that does not fit into memory, before anything is made."""
    remedy = "A low rank, or a coarser grid, would need less."
    if LOW_RANK in phases_of(plan):
        remedy = "Coarser resolutions to start with, or full_rank_levels=0, would need less."
        memory.require_bytes(
            memory.low_rank_bytes(resolutions, settings.rank, n_outputs, itemsize), device, "training the factors",
            "A lower rank, or a coarser grid, would need less.",
        )  # fmt: skip
    full_rank_levels = [step.level for step in plan if isinstance(step, Train) and step.phase == FULL_RANK]
    if full_rank_levels:
        shapes = resolutions[max(full_rank_levels)]
        needed = memory.full_rank_bytes(shapes, n_outputs, itemsize)
        memory.require_bytes(needed, device, f"training the full-rank model at {shapes}", remedy)


def core_shapes(layout: Layout, level: Mapping) -> Shapes:
    """Shape of every mode at a level, in the core's order."""
    modes = [layout.modes[m] for m in layout.order]
    return tuple(mode.shape if isinstance(mode, Feature) else tuple(level[mode.name]) for mode in modes)
