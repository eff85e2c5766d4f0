import numpy as np
import pytest
import torch
from helpers import normal

from sklearn_mrtl.core.solvers.base import fetched
from sklearn_mrtl.core.stopping import CRITERIA, Rises, gradient_statistics

GRADIENT = {"weights": normal(3, 4), "intercept": normal(2, seed=1)}


def test_statistics_of_a_gradient():
    g = np.concatenate([value.numpy().ravel() for value in GRADIENT.values()])
    fractions = np.abs(g) / np.abs(g).sum()
    expected = {
        "gradient_norm": (g**2).sum(),
        "gradient_variance": ((g - g.mean()) ** 2).mean(),
        "gradient_entropy": -(fractions * np.log(fractions)).sum(),
    }
    assert fetched(**gradient_statistics(GRADIENT)) == pytest.approx(expected)
    assert gradient_statistics(GRADIENT, torch.tensor(9.0))["gradient_norm"] == 9


def test_criteria_of_section_4():
    record = {"validation_loss": 0.7, **fetched(**gradient_statistics(GRADIENT, torch.tensor(9.0).double()))}
    assert CRITERIA["validation_loss"](record) == 0.7
    assert CRITERIA["gradient_norm"](record) == 9.0
    assert CRITERIA["gradient_variance"](record) == record["gradient_variance"]
    assert CRITERIA["gradient_entropy"](record) == record["gradient_entropy"]


def test_entropy_is_largest_where_all_entries_are_alike_and_0_where_one_is_all():
    def entropy(*values):
        return float(gradient_statistics({"w": torch.tensor(values)})["gradient_entropy"])

    assert entropy(2.0, -2.0, 2.0, 2.0) == pytest.approx(np.log(4))
    assert entropy(0.0, 3.0, 0.0, 0.0) == 0 == entropy(0.0, 0.0)


@pytest.mark.parametrize(
    "values, tol, patience, expected",
    [
        ([5, 4, 3, 2], 0, 1, None),
        ([5, 4, 4.5, 2], 0, 1, 2),
        ([5, 5, 5, 5], 0, 1, None),  # no rise
        ([5, 6, 4, 5, 3, 4], 0, 3, 5),  # rises need not follow each other
        ([5, 6, 4, 5, 3, 4], 0, 4, None),
        ([1, 1.4, 1.8, 2.4], 0.5, 1, 3),
        ([float("nan")] * 4, 0, 1, None),  # no validation data
    ],
)
def test_rises_are_counted_from_one_epoch_to_the_next(values, tol, patience, expected):
    rises = Rises(lambda record: record["value"], tol, patience)
    answers = [rises.enough({"value": value}) for value in values]
    assert (answers.index(True) if True in answers else None) == expected
