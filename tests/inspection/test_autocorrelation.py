"""Moran's I against its definition and against PySAL."""

from itertools import product

import numpy as np
import pytest

from sklearn_mrtl.inspection import morans_i

WEIGHTS = ("queen", "rook", "rbf")


def slow_weights(shape, weights, periodic, sigma=None):
    """The matrix (D, D) cell by cell."""
    cells = list(product(*map(range, shape)))
    matrix = np.zeros((len(cells), len(cells)))

    def steps(a, b):
        axes = zip(a, b, shape, periodic, strict=True)
        return [min(abs(i - j), n - abs(i - j)) if wraps else abs(i - j) for i, j, n, wraps in axes]

    largest = max(sum(step**2 for step in steps(a, b)) for a in cells for b in cells)
    for row, a in enumerate(cells):
        for column, b in enumerate(cells):
            apart = steps(a, b)
            if row == column:
                continue
            if weights == "rbf":
                width = 1 if sigma is None else sigma * largest
                matrix[row, column] = np.exp(-sum(step**2 for step in apart) / width)
            else:
                matrix[row, column] = max(apart) == 1 if weights == "queen" else sum(apart) == 1
    return matrix


def slow_morans_i(values, matrix, row_standardized):
    keep = ~np.isnan(values.ravel())
    x, matrix = values.ravel()[keep], matrix[np.ix_(keep, keep)]
    if row_standardized:
        sums = matrix.sum(1, keepdims=True)
        matrix = np.divide(matrix, sums, out=np.zeros_like(matrix), where=sums > 0)
    z = x - x.mean()
    return len(x) / matrix.sum() * (matrix * np.outer(z, z)).sum() / (z**2).sum()


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("row_standardized", [True, False])
@pytest.mark.parametrize(
    ("shape", "periodic"),
    [((7,), (True,)), ((5, 6), (False, False)), ((5, 6), (False, True)), ((3, 4, 2), (True,) * 3)],
)
def test_definition(weights, row_standardized, shape, periodic):
    values = np.random.default_rng(0).normal(size=shape)
    values.flat[[1, 4]] = np.nan
    found = morans_i(
        values, weights=weights, row_standardized=row_standardized, periodic=periodic, permutations=0
    ).statistic
    assert found == pytest.approx(slow_morans_i(values, slow_weights(shape, weights, periodic), row_standardized))


def test_sigma_is_in_units_of_the_largest_distance():
    values = np.random.default_rng(0).normal(size=(4, 6))
    expected = slow_morans_i(values, slow_weights((4, 6), "rbf", (False, False), 0.1), True)
    assert morans_i(values, weights="rbf", sigma=0.1, permutations=0).statistic == pytest.approx(expected)


@pytest.mark.peers
@pytest.mark.parametrize(("weights", "rook"), [("queen", False), ("rook", True)])
def test_same_as_pysal(weights, rook):
    esda, pysal_weights = pytest.importorskip("esda"), pytest.importorskip("libpysal.weights")
    values = np.cumsum(np.random.default_rng(0).normal(size=(9, 12)), axis=1)
    theirs = esda.Moran(values.ravel(), pysal_weights.lat2W(9, 12, rook=rook), permutations=999)
    ours = morans_i(values, weights=weights, random_state=0)
    assert ours.statistic == pytest.approx(theirs.I)
    assert ours.pvalue == pytest.approx(theirs.p_sim, abs=0.005)


def test_mask_is_as_nan():
    values = np.random.default_rng(0).normal(size=(6, 7))
    mask = np.random.default_rng(1).random((6, 7)) < 0.7
    masked = morans_i(values, mask, random_state=0)
    assert masked == morans_i(np.where(mask, values, np.nan), random_state=0)


def test_pvalues_of_noise_are_uniform():
    rng = np.random.default_rng(0)
    pvalues = [morans_i(rng.normal(size=(8, 8)), permutations=99, random_state=i).pvalue for i in range(200)]
    assert np.mean(np.array(pvalues) <= 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(pvalues) == pytest.approx(0.5, abs=0.06)


def test_large_maps_need_no_dense_matrix():
    y, x = np.mgrid[:300, :400]
    smooth = morans_i(np.sin(x / 40) * np.cos(y / 30), permutations=9, random_state=0)
    assert smooth.statistic > 0.99
    assert smooth.pvalue == 0.1


def test_undefined():
    assert np.isnan(morans_i(np.full((3, 4), 0.1))).all()
    apart = np.full((5, 5), np.nan)
    apart[0, 0], apart[4, 4] = 1, 2
    assert np.isnan(morans_i(apart)).all()


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.ones((2, 2, 2, 2)), {}, "1 to 3 axes"),
        (np.full((3, 3), np.nan), {}, "at least two cells"),
        (np.array([1, np.inf, 2]), {}, "infinity"),
        (np.ones((3, 3)), {"mask": np.ones(3)}, "shape of the map"),
        (np.ones((3, 3)), {"weights": "king"}, "weights must be one of"),
        (np.ones((3, 3)), {"periodic": (True,)}, "each of the 2 axes"),
    ],
)
def test_bad_input(values, options, message):
    with pytest.raises(ValueError, match=message):
        morans_i(values, **options)
