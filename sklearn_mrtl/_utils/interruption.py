"""Whether Ctrl-C ends one training, or the search that it is part of."""

from __future__ import annotations

import sys
from types import FrameType


def is_one_of_many() -> bool:
    """Return whether joblib runs this fit, as searches, cross-validation and ensembles do."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == "joblib":
            return True
        frame = frame.f_back
    return False
