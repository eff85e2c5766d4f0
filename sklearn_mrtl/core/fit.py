"""A trained model, with all that is needed to go on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sklearn_mrtl.core.models.base import Parameters, TensorModel
from sklearn_mrtl.core.plan import Decompose, Plan, Step, Train
from sklearn_mrtl.core.settings import PhaseSettings
from sklearn_mrtl.core.solvers.base import CurvaturePair


@dataclass
class Fit:
    """What a training has reached.

    Attributes
    ----------
    model, parameters : TensorModel, Parameters
        After the last step.
    before_decomposition : (TensorModel, Parameters) or None
        The full-rank model, once it was decomposed.
    curvature_pairs : list of CurvaturePair
        What the solver knows of the curvature at the present level.
    phases : dict of str to PhaseSettings
        With the strengths that were chosen.
    alpha_path : list of dict
        Strengths that were tried, and their errors.
    history : list of dict
        A record for every epoch.
    done : list of Step
    has_ended : bool
        Whether the training was ended before the end of its plan.
    is_solution : bool
        Whether the parameters are known to minimize the objective of the next training.
    """

    model: TensorModel | None = None
    parameters: Parameters | None = None
    before_decomposition: tuple[TensorModel, Parameters] | None = None
    curvature_pairs: list[CurvaturePair] = field(default_factory=list)
    phases: dict[str, PhaseSettings] = field(default_factory=dict)
    alpha_path: list[dict] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)
    done: list[Step] = field(default_factory=list)
    has_ended: bool = False
    is_solution: bool = False


def resume(earlier: Fit | None, plan: Plan) -> Fit:
    """Return the part of an earlier fit that is a prefix of a plan, as far as its parameters are known.

    They are known at the end of the earlier fit, and before it was decomposed.
    """
    if earlier is None:
        return Fit()
    decomposed = [n for n, step in enumerate(earlier.done) if isinstance(step, Decompose)]
    for n_steps in (len(earlier.done), *decomposed):
        done = earlier.done[:n_steps]
        if done == list(plan[:n_steps]):
            trained = [(step.level, step.phase) for step in done if isinstance(step, Train)]
            history = [record for record in earlier.history if (record["level"], record["phase"]) in trained]
            fit = replace(earlier, done=done, history=history, has_ended=False)
            if n_steps < len(earlier.done):
                model, parameters = earlier.before_decomposition
                fit = replace(fit, model=model, parameters=parameters, curvature_pairs=[])
            return fit
    return Fit()
