"""Tensors of torch, and arrays that other libraries hand over."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import sparse

from sklearn_mrtl._estimators.device_array import DeviceArray
from sklearn_mrtl._estimators.device_csr import DeviceCSR, Encoded, parts_of
from sklearn_mrtl._estimators.devices import resolve_device
from sklearn_mrtl._utils.arrays import is_dataarray, is_lazy


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


def array_or_device_array(X: torch.Tensor, device: Any, dtype: np.dtype | None) -> np.ndarray | DeviceArray | Encoded:
    """Return a tensor on the device that computes as an array that stays there, any other as an array on the CPU.

    A sparse tensor becomes CSR.

    Parameters
    ----------
    X : Tensor
    device : str or torch.device
        Of an estimator.
    dtype : dtype or None
        Of X in fit; None: this is fit.
    """
    X, is_dense = X.detach(), X.layout == torch.strided
    if X.ndim < 2 or not is_on(X.device, device):
        if is_dense:
            return X.cpu().numpy()
        return sparse.csr_array(parts_of(DeviceCSR.of(X)), shape=tuple(X.shape))
    if dtype is not None:
        X = X.to(torch.from_numpy(np.empty(0, dtype)).dtype)
    elif X.dtype not in (torch.float32, torch.float64):
        X = X.double()
    return DeviceArray(X) if is_dense else DeviceCSR.of(X)


def is_on(of_tensor: torch.device, device: Any) -> bool:
    """Return whether a tensor's device is that of an estimator, and not the CPU."""
    if of_tensor.type == "cpu":
        return False
    wanted = resolve_device(device)
    return of_tensor.type == wanted.type and wanted.index in (None, of_tensor.index)


def check_finite(X: DeviceArray | DeviceCSR) -> None:
    """Refuse values that are not finite, in the words of scikit-learn.

    Raises
    ------
    ValueError
    """
    values = X.matrix.values if isinstance(X, DeviceCSR) else X.tensor
    if not bool(values.isfinite().all()):
        what = "NaN" if bool(values.isnan().any()) else f"infinity or a value too large for {X.dtype!r}"
        raise ValueError(f"Input X contains {what}.")


def on_host(values: Any) -> Any:
    """Return a tensor, or what another library hands over, as an array of numpy; anything else as it is."""
    values = from_dlpack(values)
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
