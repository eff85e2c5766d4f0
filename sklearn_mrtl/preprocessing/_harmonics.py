"""Smooth seasonal cycles: the first few harmonics of a Fourier series, fitted by least squares."""

from __future__ import annotations

from numbers import Integral

import numpy as np


def check_harmonics(harmonics, length: int) -> None:
    """Raise ValueError unless harmonics is None or a number that a cycle of `length` positions can tell apart."""
    most = (length - 1) // 2
    is_count = isinstance(harmonics, Integral) and not isinstance(harmonics, bool) and 1 <= int(harmonics) <= most
    if harmonics is not None and not is_count:
        raise ValueError(
            f"harmonics must be None or an int from 1 to {most} for a cycle of {length} positions, got {harmonics!r}."
        )


def harmonic_basis(cycle: np.ndarray, harmonics: int) -> np.ndarray:
    """Return columns 1, cos, sin, cos 2, sin 2, ... at every position of the cycle: (length, 2 harmonics + 1)."""
    angles = 2 * np.pi / len(cycle) * np.multiply.outer(cycle, np.arange(1, harmonics + 1))
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(len(cycle), -1)
    return np.column_stack([np.ones(len(cycle)), waves])


def fit_series(basis: np.ndarray, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Fit a series by least squares to values that are means of several rows each.

    Parameters
    ----------
    basis : ndarray of shape (n_positions, n_terms)
        As of `harmonic_basis`, at the positions of `values`.
    values : ndarray of shape (n_positions, ...)
        Means over the rows of each position: a series fitted to them, weighted, is the one fitted to the rows.
    counts : ndarray of int, shape (n_positions, ...)
        Numbers of rows behind each mean; where 0, values may be NaN.

    Returns
    -------
    ndarray of shape (n_terms, ...)
        Coefficients; NaN where there are data at fewer positions than terms.
    """
    n_terms, shape = basis.shape[1], values.shape[1:]
    counts = counts.reshape(len(counts), -1)
    values = np.where(counts > 0, values.reshape(counts.shape), 0.0)
    coefficients = np.full((n_terms, counts.shape[1]), np.nan)

    enough = (counts > 0).sum(axis=0) >= n_terms
    complete = enough & (counts == counts.max(axis=1, initial=0)[:, None]).all(axis=0)
    others = enough & ~complete
    if complete.any():
        coefficients[:, complete] = _solver(basis, counts[:, complete][:, 0]) @ values[:, complete]
    if others.any():
        solvers = _solver(basis, counts[:, others].T)  # (n_others, n_terms, n_positions)
        coefficients[:, others] = np.einsum("ctp,pc->tc", solvers, values[:, others])
    return coefficients.reshape(n_terms, *shape)


def _solver(basis: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Matrix from values to coefficients, for counts of shape (..., n_positions)."""
    roots = np.sqrt(counts)
    return np.linalg.pinv(roots[..., None] * basis) * roots[..., None, :]
