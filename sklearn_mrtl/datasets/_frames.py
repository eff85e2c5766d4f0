"""Tables of frames of play."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sklearn_mrtl._utils.optional import import_optional


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
