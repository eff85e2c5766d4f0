import pytest
from helpers import assert_same, normal

from sklearn_mrtl.core.solvers.line_search import Trial, minimum_of_parabola, wolfe_search


def test_no_step_is_tried_whose_decrease_rounding_would_hide():
    """Of a function that only rises, though its derivative is said to be negative."""
    decrease, rounding, tried = 1e-3, 1e-6, []

    def evaluate(step):
        tried.append(step)
        return Trial(value=step, derivative=1.0)

    assert wolfe_search(evaluate, 0.0, -decrease, 1.0, rounding) is None
    assert all(0.01 * before <= after <= 0.5 * before for before, after in zip(tried, tried[1:], strict=False))
    assert decrease * tried[-2] > rounding >= decrease * tried[-1]


@pytest.mark.parametrize("scale", [1.0, 7.0, 40.0])
def test_a_step_that_is_too_long_on_a_parabola_is_followed_by_the_minimum(scale):
    center, tried = normal(3), []

    def evaluate(step):
        tried.append(step)
        x = step * 2 * center  # against the gradient at 0
        return Trial(float((x - center).square().sum()), float(2 * (x - center) @ (2 * center)), x)

    start = evaluate(0.0)
    found = wolfe_search(evaluate, start.value, start.derivative, scale, 1e-12)
    assert len(tried) <= 4
    assert_same(found.point, center)


@pytest.mark.parametrize("sufficient, expected", [(1e-4, 1.9), (0.1, 0.95)])
def test_a_step_that_gains_too_little_is_shortened(sufficient, expected):
    """Of a parabola with its minimum at 1, a step of 1.9 gains a twentieth of what the derivative promises."""

    def evaluate(step):
        return Trial((step - 1) ** 2, 2 * (step - 1), step)

    assert wolfe_search(evaluate, 1.0, -2.0, 1.9, 1e-12, sufficient=sufficient).point == pytest.approx(expected)


@pytest.mark.parametrize("new_value", [float("nan"), float("inf"), 1e300, -1.0])
def test_the_next_step_is_shorter_whatever_the_value(new_value):
    assert 0.02 <= minimum_of_parabola(2.0, 0.0, -1.0, new_value) <= 1.0
