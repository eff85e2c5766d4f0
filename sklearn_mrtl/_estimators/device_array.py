"""X on a GPU, for code that asks an array for its shape, dtype and rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import sparse

from sklearn_mrtl._estimators.devices import resolve_device
from sklearn_mrtl._utils.arrays import is_dataarray, is_lazy


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


def from_dlpack(X: Any) -> Any:
    """Return what another library hands over by DLPack, such as an array of cupy, as a tensor on the same memory.

    Anything that torch, numpy, scipy or xarray know is returned as it is.
    """
    known = isinstance(X, np.ndarray | torch.Tensor) or sparse.issparse(X) or is_dataarray(X) or is_lazy(X)
    if known or not (hasattr(X, "__dlpack__") and hasattr(X, "__dlpack_device__")):
        return X
    try:
        return torch.from_dlpack(X)
    except (RuntimeError, BufferError, TypeError):  # torch does not know the dtype, or refuses read-only memory
        return X


def array_or_device_array(
    X: torch.Tensor, device: Any, dtype: np.dtype | None
) -> np.ndarray | sparse.csr_array | DeviceArray:
    """Return fields on the device that computes as a `DeviceArray`, any other tensor as an array on the CPU.

    A sparse tensor becomes CSR.

    Parameters
    ----------
    X : Tensor
    device : str or torch.device
        Of an estimator.
    dtype : dtype or None
        Of X in fit; None: this is fit.
    """
    X = X.detach()
    if X.layout != torch.strided:
        rows = X.cpu().to_sparse_csr()
        parts = (part.numpy() for part in (rows.values(), rows.col_indices(), rows.crow_indices()))
        return sparse.csr_array(tuple(parts), shape=tuple(rows.shape))
    if X.device.type == "cpu" or X.ndim < 3:
        return X.cpu().numpy()
    wanted = resolve_device(device)
    if X.device.type != wanted.type or wanted.index not in (None, X.device.index):
        return X.cpu().numpy()
    if dtype is not None:
        return DeviceArray(X.to(torch.from_numpy(np.empty(0, dtype)).dtype))
    return DeviceArray(X if X.dtype in (torch.float32, torch.float64) else X.double())


def on_host(values: Any) -> Any:
    """Return a tensor, or what another library hands over, as an array of numpy; anything else as it is."""
    values = from_dlpack(values)
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
