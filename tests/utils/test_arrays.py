import subprocess
import sys

import numpy as np
import pytest

from sklearn_mrtl._utils.arrays import is_dataarray, is_dataset


def test_objects_of_xarray_are_known_by_their_class():
    xr = pytest.importorskip("xarray")
    array = xr.DataArray(np.zeros((2, 3)), name="x")
    assert is_dataarray(array) and not is_dataset(array)
    assert is_dataset(array.to_dataset()) and not is_dataarray(array.to_dataset())

    class Derived(xr.DataArray):
        __slots__ = ()

    assert is_dataarray(Derived(np.zeros(3)))


def test_what_only_looks_alike_is_not():
    class Lookalike:
        dims = coords = values = data_vars = ()

        def isel(self):
            pass

    for other in (Lookalike(), np.zeros(3), [1], None, np.ma.masked_array([1])):
        assert not is_dataarray(other) and not is_dataset(other)


def test_xarray_is_not_imported_to_find_out():
    code = (
        "import sys; from sklearn_mrtl._utils.arrays import is_dataarray; "
        "print(is_dataarray(1), 'xarray' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False"] * 2
