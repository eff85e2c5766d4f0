"""Tables of frames of play."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from sklearn_mrtl._utils.optional import import_optional


def import_pandas(caller: str) -> ModuleType:
    """Return pandas, which `caller` needs for ``as_frame=True``.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    return import_optional(
        "pandas", extra="xarray", caller=f"{caller}(as_frame=True)", otherwise="leave as_frame=False for numpy arrays"
    )


def frames_as_pandas(data: np.ndarray, feature_names: Sequence[str], target: np.ndarray, *, integers, caller: str):
    """Return frames of play as a DataFrame, the columns `integers` as ints, and a Series "shot"."""
    pd = import_pandas(caller)
    frame = pd.DataFrame(data, columns=feature_names).astype(dict.fromkeys(integers, np.int64))
    return frame, pd.Series(target, name="shot")


def frame_names(n_defenders: int) -> list[str]:
    """Return the names of the columns of a frame of play: the player, his position and the defenders'."""
    return ["player", "x", "y", *(f"defender_{i}_{axis}" for i in range(1, n_defenders + 1) for axis in "xy")]
