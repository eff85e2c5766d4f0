"""Whether Ctrl-C is meant for one training, or for the many that it is one of."""

from __future__ import annotations

import sys


def is_one_of_many() -> bool:
    """Whether joblib runs this fit: then it is a search's, a cross-validation's or an ensemble's."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == "joblib":
            return True
        frame = frame.f_back
    return False
