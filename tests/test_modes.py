import pickle

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl.modes import as_modes

MODES = [
    Feature("player"),
    Feature("player", 7),
    Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)]),
    Grid("hour", 24, periodic=True, quantity="mean"),
    Grid("air", (2, 3, 4), periodic=(False, True, False)),
]


@pytest.mark.parametrize("mode", MODES, ids=repr)
def test_printed_pickled_and_cloned_it_is_the_same(mode):
    assert eval(repr(mode)) == mode  # noqa: S307
    assert pickle.loads(pickle.dumps(mode)) == mode
    assert hash(pickle.loads(pickle.dumps(mode))) == hash(mode)
    assert clone(MRTLRegressor([mode])).modes == [mode]


@pytest.mark.parametrize("mode", MODES, ids=repr)
def test_immutable(mode):
    with pytest.raises(AttributeError):
        mode.name = "other"


def test_what_they_tell():
    assert Feature("lag").shape is None and Feature("lag", np.int64(3)).shape == (3,)
    grid = Grid("sea", [4, 6], bounds=[(0, 2), (-3, 9)])
    assert grid.shape == (4, 6) and grid.size == 24 and grid.extents == (2.0, 12.0)
    assert Grid("sea", (4, 6)).extents == (4.0, 6.0)
    assert Grid("hour", 24, bounds=(0, 24)).bounds == ((0.0, 24.0),)
    assert Grid("sea", (4, 6), periodic=True).periodic == (True, True)


def test_a_string_is_a_feature():
    assert as_modes("lag") == as_modes(["lag"]) == (Feature("lag"),)
    assert as_modes(["lag", MODES[2]]) == (Feature("lag"), MODES[2])


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: Feature(""), TypeError, "name of a Feature must be a non-empty string, got ''"),
        (lambda: Feature(3), TypeError, "name of a Feature .* got 3"),
        (lambda: Feature("lag", 0), ValueError, "size of 'lag' must be at least 1, got 0"),
        (lambda: Feature("lag", 2.0), TypeError, r"size of 'lag' must be an int, got 2\.0"),
        (lambda: Grid("a", (1, 2, 3, 4)), ValueError, r"must have 1, 2 or 3 axes, got \(1, 2, 3, 4\)"),
        (lambda: Grid("a", ()), ValueError, "must have 1, 2 or 3 axes"),
        (lambda: Grid("a", (2, -1)), ValueError, "shape of 'a' must be at least 1, got -1"),
        (lambda: Grid("a", (2, True)), TypeError, "shape of 'a' must be an int, got True"),
        (
            lambda: Grid("a", 2, interpolation="cubic"),
            ValueError,
            "interpolation of Grid 'a' must be one of .*'linear', 'nearest'.*, got 'cubic'",
        ),
        (
            lambda: Grid("a", 2, quantity="sum"),
            ValueError,
            "quantity of Grid 'a' must be one of .*'count', 'mean'.*, got 'sum'",
        ),
        (lambda: Grid("a", (2, 2), periodic=(True,)), ValueError, "a value for each of its 2 axes"),
        (lambda: Grid("a", (2, 2), bounds=[(0, 1)]), ValueError, "one .* for each of its 2 axes"),
        (lambda: Grid("a", 2, bounds=(1, 1)), ValueError, r"finite with low < high, got \(1\.0, 1\.0\)"),
        (lambda: Grid("a", 2, bounds=(0, np.inf)), ValueError, "finite with low < high"),
        (lambda: Grid("a", 2, bounds=(0, 1e-300)), ValueError, r"must span .*, got \(0\.0, 1e-300\)"),
        (lambda: as_modes([]), ValueError, "modes is empty: expected at least one Feature or Grid"),
        (lambda: as_modes([3]), TypeError, r"modes must be Feature, Grid or str .* got 3"),
        (lambda: as_modes(["a", "a"]), ValueError, r"names that differ, got \['a', 'a'\]"),
    ],
)
def test_bad_modes(make, error, message):
    with pytest.raises(error, match=message):
        make()
