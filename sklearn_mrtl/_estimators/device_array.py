"""X on a GPU, for code that asks an array for its shape, dtype and rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


class DeviceArray:
    """A tensor of another device than the CPU, with the shape, dtype and rows of an array.

    ``numpy.asarray`` copies it to the CPU.

    Parameters
    ----------
    tensor : Tensor of shape (n, ...)
    """

    def __init__(self, tensor: torch.Tensor):
        self.tensor = tensor
        self.shape, self.ndim, self.size, self.nbytes = tuple(tensor.shape), tensor.ndim, tensor.numel(), tensor.nbytes
        self.dtype = dtype_of(tensor)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | int | np.ndarray) -> DeviceArray:
        if isinstance(rows, np.ndarray):
            return DeviceArray(self.tensor[torch.from_numpy(rows).to(self.tensor.device)])
        return DeviceArray(self.tensor[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.tensor.cpu().numpy(), dtype)


ArrayLike = np.ndarray | DeviceArray


def dtype_of(tensor: torch.Tensor) -> np.dtype:
    """Return numpy's name of a tensor's dtype."""
    return torch.empty(0, dtype=tensor.dtype).numpy().dtype


def torch_view(values: np.ndarray | DeviceArray) -> torch.Tensor:
    """Return a tensor on the same memory, which must not be written to; a copy where torch cannot have that memory."""
    if isinstance(values, DeviceArray):
        return values.tensor
    values = np.asarray(values)
    if any(stride < 0 for stride in values.strides):
        values = values.copy()  # torch knows no flipped axes
    return torch.from_numpy(values if values.flags.writeable else np.asarray(Writable(values)))


class Writable:
    """A read-only array seen as a writable one, so that torch does not warn that somebody could write to it.

    A filter of warnings would do the same, but is not safe among threads.
    """

    def __init__(self, values: np.ndarray):
        self.values = values  # keeps the memory alive
        interface = values.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}
