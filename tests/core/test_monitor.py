from itertools import pairwise

import pytest
from helpers import assert_same
from training_problems import run, settings, simulated, validation_loss

from sklearn_mrtl.core.settings import PhaseSettings
from sklearn_mrtl.core.solvers.base import SolverSettings


def test_an_epochs_record():
    fit = run(simulated())
    for record in fit.history:
        assert record["objective"] >= record["train_loss"] > 0
        assert record["validation_loss"] != record["validation_loss"]  # NaN: there are no such data
        assert all(record[f"gradient_{name}"] >= 0 for name in ("norm", "variance", "entropy"))
    assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(fit.history))
    for a, b in pairwise(fit.history):
        same = (a["level"], a["phase"]) == (b["level"], b["phase"])
        assert b["epoch"] == (a["epoch"] + 1 if same else 1)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_the_best_weights_on_validation_data_are_kept(solver):
    held = simulated(n=40, seed=50)
    overfits = PhaseSettings(SolverSettings(solver, max_epochs=40, learning_rate=0.3, convergence=0.0), 0.0, 0.0)
    fit = run(simulated(n=30), settings(low_rank=overfits), full_rank_levels=0, validation=held)
    losses = [record["validation_loss"] for record in fit.history if record["level"] == 2]
    assert min(losses) < losses[-1]
    assert_same(validation_loss(fit, held), min(losses))


@pytest.mark.parametrize("patience", [1, 3])
def test_a_level_ends_when_a_users_own_criterion_has_risen(patience):
    """It rises from every epoch to the next; the first has nothing to rise from."""
    solver = SolverSettings("adam", max_epochs=50)
    chosen = settings(solver, criterion=lambda record: record["epoch"], patience=patience)
    fit = run(simulated(), chosen)
    epochs = [r["epoch"] for r, after in zip(fit.history, [*fit.history[1:], {"epoch": 1}], strict=True)
              if after["epoch"] == 1]  # fmt: skip
    assert epochs == [patience + 1] * 4


def test_tol_is_what_a_rise_has_to_exceed():
    for tol, n_epochs in ((0.5, 2), (1.0, 7)):
        chosen = settings(SolverSettings("adam", max_epochs=7), criterion=lambda record: record["epoch"], tol=tol)
        assert len(run(simulated(), chosen, n_levels=1, full_rank_levels=0).history) == n_epochs


@pytest.mark.parametrize("learning_rate", [1e2, 1e10, 1e200])
@pytest.mark.parametrize("max_epochs", [1, 2, 300])
@pytest.mark.parametrize("full_rank_levels", [0, 1])
def test_diverging_training_warns_and_restores_good_weights(learning_rate, max_epochs, full_rank_levels):
    """Also where the last step leaves finite weights that are useless, which no epoch sees."""
    solver = SolverSettings("sgd", max_epochs=max_epochs, learning_rate=learning_rate, lr_decay=1.0)
    phase, samples = PhaseSettings(solver, 1e-4, 1e-3), simulated()
    with pytest.warns(RuntimeWarning, match=r"diverged at level 0 .* epoch .* lower learning_rate"):
        fit = run(samples, settings(full_rank=phase, low_rank=phase), full_rank_levels=full_rank_levels)
    assert all(bool(value.isfinite().all()) for value in fit.parameters.values())
    null = float(samples.totals()[0].square().mean())
    assert validation_loss(fit, samples) <= 1.5 * null
