"""The layout of X: fields or encodings, and the modes of its axes or columns.

fit decides on a layout; later calls compare their rows with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from sklearn_mrtl._estimators.device_csr import is_sparse
from sklearn_mrtl._utils.encodings import Encodings
from sklearn_mrtl._utils.labels import Labels
from sklearn_mrtl.modes import Feature, Grid, Mode, as_modes, describe


@dataclass(frozen=True)
class Layout:
    """Meaning of the axes or columns of X.

    Attributes
    ----------
    is_fields : bool
        Whether X holds N-D fields; otherwise it holds encodings side by side.
    modes : tuple of Mode
        In the order of X, with known sizes.
    row_shape : tuple of int
        Shape of a row of X.
    labels : Labels
    """

    is_fields: bool
    modes: tuple[Mode, ...]
    row_shape: tuple[int, ...]
    labels: Labels

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of each mode."""
        shapes = tuple(mode.shape for mode in self.modes if mode.shape is not None)
        assert len(shapes) == len(self.modes), "all sizes are known"
        return shapes

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of categories or cells of each mode."""
        return tuple(prod(shape) for shape in self.shapes)

    @property
    def order(self) -> tuple[int, ...]:
        """Indices of the modes in the order of the core: for fields, the largest mode is last."""
        order = range(len(self.modes))
        if not self.is_fields:
            return tuple(order)
        largest = max(order, key=lambda m: (self.sizes[m], m))
        return (*(m for m in order if m != largest), largest)

    @property
    def columns(self) -> tuple[slice, ...]:
        """Columns of the encoding of each mode."""
        ends = np.cumsum(self.sizes).tolist()
        return tuple(slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True))


def check_rows(found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Check that rows have the shape of those in fit.

    Raises
    ------
    ValueError
    """
    if found != expected:
        raise ValueError(f"X must have rows of shape {expected}, as in fit, got {found}.")


def layout_of(X, modes, labels: Labels) -> Layout:
    """Return the layout of X.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n, ...)
    modes : None, or sequence of str, Feature and Grid
        As the estimators take them.
    labels : Labels

    Raises
    ------
    ValueError
        If X does not have the axes, columns or modes that the modes expect.
    """
    row_shape = tuple(int(n) for n in X.shape[1:])
    modes = modes if labels.modes is None else carried_modes(modes, labels.modes)
    if modes is None and isinstance(X, Encodings):
        raise ValueError(
            "X was computed from the encodings of a ModeEncoder and lost their modes, because its columns may have "
            "changed. Give modes, or put the ModeEncoder directly before the estimator."
        )
    if modes is None:
        return Layout(not is_sparse(X), default_modes(row_shape, labels), row_shape, labels)
    modes = as_modes(modes)
    if len(row_shape) == 1:
        return table_layout(X, modes, row_shape, labels)
    return Layout(True, field_modes(modes, row_shape, labels), row_shape, labels)


def carried_modes(modes, carried: Sequence[Mode]) -> Sequence[Mode]:
    """Return the modes that encodings carry, after a comparison with those that the estimator was given.

    Raises
    ------
    ValueError
        If they differ in more than a size that is left open.
    """
    if modes is None:
        return carried
    given = as_modes(modes)
    sizes = {mode.name: mode.size for mode in carried if isinstance(mode, Feature)}
    filled = [replace(m, size=sizes.get(m.name)) if isinstance(m, Feature) and m.size is None else m for m in given]
    if tuple(filled) != tuple(carried):
        raise ValueError(
            f"the estimator has the modes {describe(given)}, X comes from a ModeEncoder with {describe(carried)}. "
            "Leave modes=None to take those of X, or give both the same modes."
        )
    return carried


def default_modes(row_shape: tuple[int, ...], labels: Labels) -> tuple[Mode, ...]:
    """Return the modes for modes=None: a Grid of the last two axes, or of all columns of a 2-D X, and Features."""
    n_features = max(0, len(row_shape) - 2)
    names = labels.dims or [f"feature_{axis}" for axis in range(1, n_features + 1)]
    features = [Feature(names[axis], row_shape[axis]) for axis in range(n_features)]
    axes = range(n_features, len(row_shape))
    grid = Grid("grid", row_shape[n_features:], bounds=labels.bounds(axes), quantity="mean")
    return as_modes([*features, grid])


def field_modes(modes: Sequence[Mode], row_shape: tuple[int, ...], labels: Labels) -> tuple[Mode, ...]:
    """Match modes with the axes of an N-D X; return them with their sizes and bounds."""
    wanted = sum(len(mode.shape) if isinstance(mode, Grid) else 1 for mode in modes)
    if wanted != len(row_shape):
        raise ValueError(
            f"modes ask for {wanted} axes after the first ({describe(modes)}), X has {len(row_shape)}: rows of shape "
            f"{row_shape}."
        )
    filled, axis = [], 0
    for mode in modes:
        axes = range(axis, axis + (len(mode.shape) if isinstance(mode, Grid) else 1))
        axis = axes.stop
        found = row_shape[axes.start : axes.stop]
        if isinstance(mode, Feature):
            check_dimension(mode, axes.start, labels)
            mode = mode if mode.size is not None else replace(mode, size=found[0])
        elif mode.bounds is None and labels.bounds(axes) is not None:
            mode = replace(mode, bounds=labels.bounds(axes))
        if mode.shape != found:
            raise ValueError(
                f"{mode!r} expects {'axes' if len(found) > 1 else 'an axis'} of size {mode.shape}, X has {found} "
                f"there: rows of shape {row_shape}."
            )
        filled.append(mode)
    return tuple(filled)


def check_dimension(mode: Feature, axis: int, labels: Labels) -> None:
    """Check that the name of a Feature is not that of another dimension of X."""
    if labels.dims and mode.name in labels.dims and labels.dims[axis] != mode.name:
        raise ValueError(
            f"{mode!r} stands where X has the dimension {labels.dims[axis]!r}; X's dimensions after the first are "
            f"{labels.dims}. Give modes in that order, or transpose X."
        )


def table_layout(X, modes: Sequence[Mode], row_shape: tuple[int, ...], labels: Labels) -> Layout:
    """Return the layout of a 2-D X: encodings side by side, or a single mode."""
    (n_columns,) = row_shape
    unknown = [mode for mode in modes if mode.shape is None]
    known_shapes = [mode.shape for mode in modes if mode.shape is not None]
    known = sum(prod(shape) for shape in known_shapes)
    if len(unknown) > 1:
        raise ValueError(
            f"at most one size can be inferred from the columns of a 2-D X, got {describe(unknown)}. Give their size=, "
            "or encode the table by a ModeEncoder, which hands the modes on."
        )
    if unknown and n_columns > known:
        modes = tuple(replace(mode, size=n_columns - known) if mode.shape is None else mode for mode in modes)
        known = n_columns
    if known != n_columns or any(mode.shape is None for mode in modes):
        sizes = ", ".join(f"{mode.name} {'?' if mode.shape is None else prod(mode.shape)}" for mode in modes)
        hint = ""
        if not unknown and prod(prod(shape) for shape in known_shapes) == n_columns:
            shape = ", ".join(str(n) for known_shape in known_shapes for n in known_shape)
            sparse_too = "X is sparse; make it dense, and " if is_sparse(X) else ""
            hint = f" It has as many columns as the product of the sizes: {sparse_too}reshape it to (n, {shape})."
        raise ValueError(
            f"a 2-D X holds the encodings of the modes side by side, {known} columns ({sizes}), got {n_columns}.{hint}"
        )
    is_fields = len(modes) == 1 and not is_sparse(X)
    return Layout(is_fields, tuple(modes), row_shape, replace(labels, modes=tuple(modes)))
