"""Samples of either layout."""

from __future__ import annotations

from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.fields import FieldInputs

Inputs = FieldInputs | EncodedInputs
