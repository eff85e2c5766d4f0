"""Warnings that point at the user's line, however deep in the package they are raised."""

import sys
import warnings
from types import FrameType

# Between the user's line and this package also stand pipelines, decorators and the loops of other libraries.
LIBRARIES = {
    "sklearn_mrtl",
    "sklearn",
    "torch",
    "joblib",
    "dask",
    "distributed",
    "contextlib",
    "concurrent",
    "threading",
}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first line outside of this package and of the libraries that may have called it.

    Where there is none, as in a worker thread, the warning points at the line that calls this function.
    """
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in LIBRARIES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=2 if frame is None else level)
