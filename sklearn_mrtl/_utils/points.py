"""Points given as parameters."""

from __future__ import annotations

import numpy as np


def check_point(name: str, point, otherwise: str = "") -> None:
    """Raise ValueError if a parameter is no point (x, y) of finite numbers; `otherwise` says what else it may be."""
    try:
        is_point = np.shape(point) == (2,) and bool(np.isfinite(np.asarray(point, dtype=float)).all())
    except (TypeError, ValueError):  # such as strings and ragged sequences
        is_point = False
    if not is_point:
        raise ValueError(f"{name} must be a point (x, y) of finite numbers{otherwise}, got {point!r}.")
