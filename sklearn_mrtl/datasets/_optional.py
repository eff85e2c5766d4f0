"""What only some calls need: packages of the extras, and tables made with them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

import numpy as np


def import_optional(module: str, *, extra: str, caller: str, otherwise: str) -> ModuleType:
    """Import a package of an extra.

    Raises
    ------
    ImportError
        If it is not installed; says which call needs it, how to get it and what to do otherwise.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{caller} needs {module}: pip install 'sklearn-mrtl[{extra}]', or {otherwise}.") from error


def frames_as_pandas(data: np.ndarray, feature_names: Sequence[str], target: np.ndarray, *, integers, caller: str):
    """Frames of play as a DataFrame, some of its columns integers, and a Series "shot"."""
    pd = import_optional(
        "pandas", extra="xarray", caller=f"{caller}(as_frame=True)", otherwise="leave as_frame=False for numpy arrays"
    )
    frame = pd.DataFrame(data, columns=feature_names).astype(dict.fromkeys(integers, np.int64))
    return frame, pd.Series(target, name="shot")


def frame_names(n_defenders: int) -> list[str]:
    """Names of the columns of a frame of play: the player, his position and the defenders'."""
    return ["player", "x", "y", *(f"defender_{i}_{axis}" for i in range(1, n_defenders + 1) for axis in "xy")]
