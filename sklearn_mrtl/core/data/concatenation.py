"""Inputs and samples of consecutive parts, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.data.mode_encodings import Encoding, MultiHot, OneHot
from sklearn_mrtl.core.data.samples import Samples, weight_sum
from sklearn_mrtl.core.data.sparse import SparseMatrix, make_crow_indices


def concatenated(parts: Sequence[Inputs]) -> Inputs:
    """Return the inputs of all parts, which have the same layout and resolution."""
    first = parts[0]
    if isinstance(first, FieldInputs):
        return replace(first, x=torch.cat([cast(FieldInputs, part).x for part in parts]))
    of_parts = [cast(EncodedInputs, part).encodings for part in parts]
    encodings = tuple(concatenated_encodings(of_mode) for of_mode in zip(*of_parts, strict=True))
    return replace(cast(EncodedInputs, first), encodings=encodings)


def joined_samples(parts: Sequence[Samples]) -> Samples:
    """Return the samples of all parts, without folds."""
    y, weight = (torch.cat([getattr(part, name) for part in parts]) for name in ("y", "weight"))
    weights = [weight_sum(part.weight[:, 0]) for part in parts]
    mean_square = sum(w * part.mean_square for w, part in zip(weights, parts, strict=True)) / sum(weights)
    inputs = concatenated([part.inputs for part in parts])
    return replace(parts[0], inputs=inputs, weight=weight, y=y, mean_square=mean_square, fold=None)


def on_cpu(inputs: Inputs) -> Inputs:
    """Return the inputs on the CPU."""
    if isinstance(inputs, FieldInputs):
        masks = tuple(None if mask is None else mask.cpu() for mask in inputs.masks)
        return replace(inputs, x=inputs.x.cpu(), center=inputs.center.cpu(), masks=masks, stored=None)
    encoded = cast(EncodedInputs, inputs)
    return replace(encoded, encodings=tuple(encoding.to(torch.device("cpu")) for encoding in encoded.encodings))


def samples_on_cpu(samples: Samples) -> Samples:
    """Return the samples on the CPU."""
    fold = None if samples.fold is None else samples.fold.cpu()
    target = None if samples.target is None else samples.target.to(torch.device("cpu"))
    inputs, y, weight = on_cpu(samples.inputs), samples.y.cpu(), samples.weight.cpu()
    return replace(samples, inputs=inputs, y=y, weight=weight, fold=fold, target=target)


def concatenated_encodings(parts: Sequence[Encoding]) -> Encoding:
    """Return the encoding of all parts; one-hot if all of them are."""
    one_hot = [part for part in parts if isinstance(part, OneHot)]
    if len(one_hot) == len(parts):
        return OneHot(torch.cat([part.index for part in one_hot]), one_hot[0].size, one_hot[0].dtype)
    matrices = [part.matrix for part in parts]
    columns = torch.cat([matrix.col_indices for matrix in matrices])
    crow_indices = make_crow_indices(torch.cat([matrix.crow_indices.diff() for matrix in matrices]), columns.dtype)
    values = torch.cat([matrix.values for matrix in matrices])
    binary = all(matrix.binary for matrix in matrices)
    return MultiHot(SparseMatrix(crow_indices, columns, values, (len(crow_indices) - 1, parts[0].size), binary=binary))
