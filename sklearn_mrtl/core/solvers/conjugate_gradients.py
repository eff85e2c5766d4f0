"""The method of conjugate gradients, for systems whose matrix is known by its products only."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], b: Tensor, preconditioner: Tensor, x: Tensor, max_steps: int, tolerance: float
) -> Tensor:
    """Solve H x = b for a symmetric positive definite H, roughly.

    Parameters
    ----------
    product : callable
        Multiplies by H.
    b : Tensor
    preconditioner : Tensor
        About the inverse of H's diagonal.
    x : Tensor
        Where to begin.
    max_steps : int
    tolerance : float
        Norm of the residual, relative to that of b, that is small enough.
    """
    residual = b - product(x)
    z = preconditioner * residual
    direction, squares = z, residual @ z
    enough = tolerance**2 * float(b @ (preconditioner * b))
    for _ in range(max_steps):
        if float(squares) <= enough:
            break
        image = product(direction)
        step = squares / (direction @ image)
        x = x + step * direction
        residual = residual - step * image
        z = preconditioner * residual
        direction, squares = z + (residual @ z) / squares * direction, residual @ z
    return x
