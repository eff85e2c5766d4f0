import numpy as np
import pytest

from sklearn_mrtl._utils.moments import joined_moments


def moments(x):
    return len(x), x.mean(0), ((x - x.mean(0)) ** 2).sum(0)


@pytest.mark.parametrize("n", [1, 7])
def test_of_two_parts(n):
    x = np.random.default_rng(0).normal(5, 2, size=(20, 3))
    for found, expected in zip(joined_moments(*moments(x[:n]), *moments(x[n:])), moments(x), strict=True):
        np.testing.assert_allclose(found, expected)


def test_parts_without_values():
    none, some = (0, 0.0, 0.0), (4, 1.5, 3.0)
    assert joined_moments(*none, *some) == joined_moments(*some, *none) == some
    assert joined_moments(*none, *none) == none
