"""The device that computes."""

from __future__ import annotations

import torch

from sklearn_mrtl._estimators.parameters import is_auto


def resolve_device(device) -> torch.device:
    """Return the device; "auto" is a GPU where there is one."""
    if is_auto(device):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or another device of torch, got {device!r}.") from error
    if device.type == "meta":
        raise ValueError("device='meta' computes nothing; 'cpu' or 'auto' would do.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={str(device)!r} asks for a GPU, and torch sees none; 'cpu' or 'auto' would do.")
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ValueError(
            f"device={str(device)!r} has no double precision here, in which parts of a fit are computed "
            f"({str(error).splitlines()[0]}); 'cpu' or 'auto' would do."
        ) from error
    return device
