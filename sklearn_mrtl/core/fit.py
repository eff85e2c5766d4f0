"""A trained model, with what is needed to continue its training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sklearn_mrtl.core.models.base import Parameters, TensorModel
from sklearn_mrtl.core.models.low_rank import Rank
from sklearn_mrtl.core.models.terms import Term
from sklearn_mrtl.core.plan import Decompose, Plan, Step, Train
from sklearn_mrtl.core.settings import PhaseSettings
from sklearn_mrtl.core.solvers.base import State


@dataclass
class Fit:
    """State of a training: what it starts from, changes and returns.

    Attributes
    ----------
    model, parameters : TensorModel, Parameters
        After the last step; None before the first one.
    before_decomposition : (TensorModel, Parameters) or None
        The full-rank model; None until it is decomposed.
    phases : dict of str to PhaseSettings
        Settings with the strengths that were chosen.
    terms : tuple of Term
        Of a sum, with the strengths that were chosen.
    degrees_of_freedom : dict of str to float
        Effective number of parameters of each term on the coarsest level.
    rank : int, tuple of int or None
        That of the settings, or the one that was chosen.
    alpha_path : list of dict
        Strengths and ranks that were tried, and their errors.
    history : list of dict
        A record for every epoch.
    done : list of Step
        Steps of the plan that are done.
    has_ended : bool
        Whether the training ended before its plan did.
    level_state : State
        Of the solver and the monitor, if the fit is between two epochs of the level that comes after `done`, and
        `parameters` are those that the level started with. Empty between steps.
    """

    # No plan trains before it initializes both, so that their types leave None out.
    model: TensorModel = None  # type: ignore[assignment]
    parameters: Parameters = None  # type: ignore[assignment]
    before_decomposition: tuple[TensorModel, Parameters] | None = None
    phases: dict[str, PhaseSettings] = field(default_factory=dict)
    terms: tuple[Term, ...] = ()
    degrees_of_freedom: dict[str, float] = field(default_factory=dict)
    rank: Rank | None = None
    alpha_path: list[dict] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)
    done: list[Step] = field(default_factory=list)
    has_ended: bool = False
    level_state: State = field(default_factory=dict)


def before_last_level(fit: Fit) -> Fit:
    """Return a trained fit as if its last level, which begins with the trained weights, was still to come.

    The samples may be others, with as many cells.
    """
    last = max(n for n, step in enumerate(fit.done) if isinstance(step, Train))
    is_decomposed = any(isinstance(step, Decompose) for step in fit.done[last:])
    if is_decomposed and fit.before_decomposition is not None:
        model, parameters = fit.before_decomposition
        fit = replace(fit, model=model, parameters=parameters, before_decomposition=None)
    return replace(fit, done=fit.done[:last], has_ended=False, level_state={})


def resume(earlier: Fit | None, plan: Plan) -> Fit:
    """Return the part of an earlier fit that is a prefix of a plan, or an empty fit.

    The prefix ends where the parameters of the earlier fit are known: at its end, or before its decomposition. The
    state of a level that is not done belongs to its end.
    """
    if earlier is None:
        return Fit()
    decomposed = [n for n, step in enumerate(earlier.done) if isinstance(step, Decompose)]
    for n_steps in (len(earlier.done), *decomposed):
        done = earlier.done[:n_steps]
        if done == list(plan[:n_steps]):
            if n_steps == len(earlier.done) and earlier.level_state:
                return replace(earlier, done=done, history=list(earlier.history))
            trained = [(step.level, step.phase) for step in done if isinstance(step, Train)]
            history = [record for record in earlier.history if (record["level"], record["phase"]) in trained]
            fit = replace(earlier, done=done, history=history, has_ended=False)
            if n_steps < len(earlier.done) and earlier.before_decomposition is not None:
                model, parameters = earlier.before_decomposition
                fit = replace(fit, model=model, parameters=parameters, level_state={})
            return fit
    return Fit()
