import pytest

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl._estimators.schedule import COARSEST, schedule

COURT, BOX, LINE = Grid("court", (40, 50)), Grid("box", (12, 12)), Grid("line", 5)


def test_fixed_is_the_finest_only():
    assert schedule("fixed", [Feature("player", 3), COURT, BOX]) == [{"court": (40, 50), "box": (12, 12)}]


@pytest.mark.parametrize("shape", [(40, 50), (80, 180), (100, 94), (6, 6), (5, 200), (20, 8), (13,), (12, 3, 24)])
def test_auto_halves_while_enough_cells_remain(shape):
    levels = [level["grid"] for level in schedule("auto", [Grid("grid", shape)])]
    assert levels[-1] == shape
    for coarse, fine in zip(levels, levels[1:], strict=False):
        for n_coarse, n_fine, n_finest in zip(coarse, fine, shape, strict=True):
            assert n_coarse == (-(-n_fine // 2) if n_finest >= 2 * COARSEST - 1 else n_fine)
    long = [n for n, finest in zip(levels[0], shape, strict=True) if finest >= 2 * COARSEST - 1]
    assert all(n >= COARSEST for n in long)
    assert not long or min(-(-n // 2) for n in long) < COARSEST


def test_auto_leaves_an_axis_that_is_short_already():
    assert [level["polar"] for level in schedule("auto", [Grid("polar", (20, 8))])] == [(10, 8), (20, 8)]
    assert [level["polar"] for level in schedule("auto", [Grid("polar", (8, 10))])] == [(8, 10)]


def test_auto_halves_each_grid_by_itself():
    levels = schedule("auto", [COURT, BOX, LINE])
    assert levels[0]["box"] == (6, 6) and {level["line"] for level in levels} == {(5,)}
    assert [level["court"] for level in levels] == [(10, 13), (20, 25), (40, 50)]


def test_without_grids_there_is_one_level():
    assert schedule("auto", [Feature("lag", 3)]) == [{}]


def test_the_papers_schedules():
    basketball = [{"court": c, "box": (b, b)} for c, b in
                  [((4, 5), 6), ((8, 10), 6), ((8, 10), 12), ((20, 25), 12), ((40, 50), 12)]]  # fmt: skip
    assert schedule(basketball, [COURT, BOX]) == basketball
    climate = [{"sea": s} for s in [(4, 9), (8, 18), (12, 27), (24, 54), (40, 90), (60, 135), (80, 180)]]
    assert schedule(climate, [Grid("sea", (80, 180))]) == climate


def test_a_grid_that_is_not_named_stays_at_its_finest():
    assert schedule([{"court": [8, 10]}, {}], [COURT, LINE]) == [
        {"court": (8, 10), "line": (5,)},
        {"court": (40, 50), "line": (5,)},
    ]
    assert schedule([{"line": 3}], [LINE]) == [{"line": (3,)}]


@pytest.mark.parametrize(
    "resolutions, error, message",
    [
        ("finest", ValueError, "must be 'auto', 'fixed' or a list of {grid: shape}, got 'finest'"),
        ([], ValueError, "resolutions is empty"),
        ([(4, 5)], TypeError, r"must map grid names to shapes, got \(4, 5\)"),
        ([{"sea": (4, 5)}], ValueError, r"name 'sea', which is no Grid of modes; those are \['court', 'line'\]"),
        (
            [{"court": (41, 50)}],
            ValueError,
            r"\(41, 50\) of 'court' must have .* \(40, 50\), at most",
        ),
        ([{"court": (4,)}], ValueError, "must have the axes of its grid"),
        ([{"court": (4, 0)}], ValueError, "must be at least 1, got 0"),
        (
            [{"court": (8, 10)}, {"court": (4, 20)}],
            ValueError,
            r"'court' goes from \(8, 10\) at level 0 to \(4, 20\) at level 1",
        ),
        ([{"court": (8, 10)}] * 2, ValueError, "must increase, but levels 0 and 1 are both"),
    ],
)
def test_bad_resolutions(resolutions, error, message):
    with pytest.raises(error, match=message):
        schedule(resolutions, [COURT, LINE])
