import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_mrtl.model_selection._blocks import without_gaps


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=30), st.integers(0, 40))
def test_gaps_against_an_explicit_loop(side, gap):
    expected = list(side)
    for i, mine in enumerate(side):
        if any(other > mine for other in side[max(0, i - gap) : i + gap + 1]):
            expected[i] = -1
    np.testing.assert_array_equal(without_gaps(np.array(side), gap), expected)
