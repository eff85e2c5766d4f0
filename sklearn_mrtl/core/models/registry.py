"""The decompositions of the weight tensor by name."""

from __future__ import annotations

from typing import Any

from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.low_rank import LowRank
from sklearn_mrtl.core.models.tucker import Tucker

DECOMPOSITIONS: dict[str, type[LowRank[Any]]] = {"cp": CP, "tucker": Tucker}
