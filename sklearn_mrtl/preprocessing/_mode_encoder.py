"""From a table to the encodings of several modes."""

from __future__ import annotations

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from sklearn_mrtl._utils.arrays import is_lazy_table
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin, as_task
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.encodings import Encodings
from sklearn_mrtl._utils.lazy import delayed_blocks, encode_blocks, reduce_blocks
from sklearn_mrtl.modes import Feature, Grid
from sklearn_mrtl.preprocessing._column_encoders import (
    CategoryEncoder,
    ColumnEncoder,
    NumberEncoder,
    PointEncoder,
    TransformedEncoder,
    encodes_numbers,
)
from sklearn_mrtl.preprocessing._columns import Columns, as_table
from sklearn_mrtl.preprocessing._counts import side_by_side
from sklearn_mrtl.preprocessing._docstrings import COLUMNS
from sklearn_mrtl.preprocessing._grid_discretizer import OUTSIDE
from sklearn_mrtl.preprocessing._mode_parts import (
    FittedPart,
    Part,
    check_options,
    join_parts,
    option,
    parts_of,
    with_size,
)

UNKNOWN = ("error", "ignore")


@substitute(columns=COLUMNS)
class ModeEncoder(CallbackSupportMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Encode the columns of a table by modes: categories one-hot, points by cells, numbers as they are.

    The encodings stand side by side, one for each mode, and carry the modes with their sizes and the names of
    categories and axes. An estimator behind it, with ``modes=None``, takes the modes from there.

    Parameters
    ----------
    modes : sequence of mode, (mode, columns) or (mode, columns, encoding)
        The modes and the columns they are made of. A mode is a Feature, a Grid or a str (a Feature's name). Columns
        are names, numbers or a slice of numbers; a mode without columns is made of the column of its own name.

        A *Feature* of strings, ints, bools, times or a categorical dtype is one-hot; of several such columns, it
        counts how often each category stands in the row. A Feature of floats has a number for each column.

        A *Grid* of quantity "count" counts points in cells: its columns are the coordinates of one or more points, as
        in `GridDiscretizer`. A Grid of quantity "mean" has a column for each cell.

        encoding decides where the dtype does not: "one-hot", or "passthrough" for numbers as they are. Or it is a
        transformer of the columns, without y: what it returns are the numbers of a Feature, such as those of a
        ``StandardScaler``, or the coordinates on a Grid, such as those of `RelativePosition`.
    outside : {"error", "drop", "clip"} or dict of them by the name of a Grid, default="error"
        Treatment of points outside the bounds, as in `GridDiscretizer`. A Grid that a dict does not name has "error".
    handle_unknown : {"error", "ignore"} or dict of them by the name of a Feature, default="error"
        Treatment of categories that fit did not see, and of missing ones (None, NaN): refuse them, or leave them out
        of their row and warn with their number. Without any category the encoding of a row is zero, and so is the
        outer product of its encodings. Among several columns a missing category is absent, as an absent point is.
    dtype : dtype, default=np.float64
        Type of the encodings, and of the computations of the estimator: np.float64 or np.float32.

    Attributes
    ----------
    modes_ : tuple of Feature and Grid
        The modes with their sizes.
    categories_ : dict of str to ndarray
        For each Feature the names of its categories, sorted; the names of the columns where they are numbers.
    n_outside_ : dict of str to int
        For each Grid the number of points outside the bounds in the data of fit.
    n_missing_ : dict of str to int
        For each mode the number of missing categories, or absent points, in the data of fit.
    transformers_ : dict of str to transformer
        The fitted transformers of the modes that have one.
    {columns}

    See Also
    --------
    GridDiscretizer : The encoding of one Grid.

    Notes
    -----
    `set_output` is refused: a pandas or polars table has no place for the modes. Columns of the table that no mode is
    made of are not used and may be absent in transform.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_mrtl import Feature, Grid
    >>> from sklearn_mrtl.preprocessing import ModeEncoder
    >>> shots = pd.DataFrame({"player": ["Ann", "Bo", "Ann"], "x": [-10.0, 0.0, 20.0], "y": [5.0, 46.5, 8.0]})
    >>> court = Grid("court", (2, 3), bounds=[(-25, 25), (0, 47)])
    >>> encoder = ModeEncoder(["player", (court, ["x", "y"])])
    >>> X = encoder.fit_transform(shots)
    >>> X.toarray()
    array([[1., 0., 1., 0., 0., 0., 0., 0.],
           [0., 1., 0., 0., 0., 0., 0., 1.],
           [1., 0., 0., 0., 0., 1., 0., 0.]])
    >>> X.modes
    (Feature('player', size=2), Grid('court', (2, 3), bounds=((-25.0, 25.0), (0.0, 47.0))))
    >>> X.categories["player"]
    array(['Ann', 'Bo'], dtype='<U3')

    Floats as categories, and a transformer whose output is the position on a grid:

    >>> from sklearn_mrtl.preprocessing import RelativePosition
    >>> frames = np.array([[7.0, 15.25, 25.0, 11.25, 25.0], [8.0, 20.0, 25.0, 18.0, 26.0]])
    >>> box = Grid("defenders", (4, 4), bounds=[(-6, 6), (-2, 10)])
    >>> ModeEncoder([("player", 0, "one-hot"), (box, slice(1, 5), RelativePosition())]).fit(frames).modes_[0]
    Feature('player', size=2)
    """

    def __init__(self, modes, *, outside="error", handle_unknown="error", dtype=np.float64):
        self.modes = modes
        self.outside = outside
        self.handle_unknown = handle_unknown
        self.dtype = dtype

    @as_task
    def fit(self, X, y=None):
        """Learn the categories, and count the points outside the bounds.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, of shape (n_samples, n_columns)
            A DataFrame of dask, or a dask array chunked along its rows, is looked at block by block, in one pass.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `modes` are none, or X is no table; if X is one of dask, and a transformer learns from all rows.
        ValueError
            If X has no such column, a Feature has not the size it was given, columns can be read as categories and as
            numbers, or a category is missing or a point outside and that is not allowed.
        """
        modes = [part.mode for part in parts_of(self.modes)]
        check_options("outside", self.outside, modes, Grid)
        check_options("handle_unknown", self.handle_unknown, modes, Feature)
        if is_lazy_table(X):
            fitted = reduce_blocks(fit_block, join_parts, X, [(self,)] * len(delayed_blocks(X)))
            X = getattr(X, "_meta", X) if hasattr(X, "columns") else X
        else:
            X = as_table(X)
            fitted = self._fit_parts(X) if X.shape[0] else None
        if fitted is None:
            raise ValueError("X has 0 rows, nothing to learn the categories from.")
        fitted = [part._replace(mode=with_size(part.mode, part.encoder.check().labels)) for part in fitted]
        validate_data(self, X, skip_check_array=True)
        self._fitted = fitted
        self.modes_ = tuple(part.mode for part in fitted)
        features, grids = ([part for part in fitted if isinstance(part.mode, kind)] for kind in (Feature, Grid))
        self.categories_ = {part.mode.name: part.encoder.labels for part in features}
        self.n_missing_ = {part.mode.name: part.encoder.n_missing for part in fitted}
        self.n_outside_ = {part.mode.name: part.encoder.n_outside for part in grids}
        self.transformers_ = {
            part.mode.name: part.encoder.transformer for part in fitted if isinstance(part.encoder, TransformedEncoder)
        }
        return self

    def transform(self, X) -> Encodings:
        """Encode a table.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, of shape (n_samples, n_columns)
            Columns with names may stand in any order. A dask array, chunked along its rows, is encoded block by block
            when it is needed, and so is a DataFrame of dask, whose rows are counted before.

        Returns
        -------
        Encodings of shape (n_samples, sum of the sizes of the modes)
            A `scipy.sparse.csr_array` with the attributes ``modes``, ``categories``, ``axes`` and ``numbers``. A choice
            of rows, a copy and a pickle keep them; other operations do not.

        Raises
        ------
        ValueError
            As in `fit`; also if a category is unknown and that is not allowed.

        Warns
        -----
        UserWarning
            If points outside the bounds or unknown categories are left out.
        """
        check_is_fitted(self)
        if is_lazy_table(X):
            width = sum(mode.size for mode in self.modes_)
            return encode_blocks(self.transform, X, Encodings((0, width), dtype=self.dtype, **self._labels()))
        X = as_table(X)
        if not hasattr(X, "columns"):
            validate_data(self, X, reset=False, skip_check_array=True)
        with config_context(transform_output="default"):
            encoded = side_by_side([part.encoder.transform(part.columns.of(X)) for part in self._fitted], self.dtype)
        return Encodings((encoded.data, encoded.indices, encoded.indptr), encoded.shape, **self._labels())

    def get_feature_names_out(self, input_features=None):
        """Return the names of the encodings' columns: the mode and its category or cell, such as player_7, court_3_12.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the names of fit.

        Returns
        -------
        ndarray of str, shape (sum of the sizes of the modes,)
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        names = []
        for mode in self.modes_:
            entries = self.categories_[mode.name] if isinstance(mode, Feature) else np.ndindex(mode.shape)
            words = ("_".join(map(str, e)) if isinstance(e, tuple) else str(e) for e in entries)
            names += [f"{mode.name}_{word}" for word in words]
        return np.array(names, dtype=object)

    def set_output(self, *, transform=None):
        """Refuse another output than encodings, which carry the modes.

        Parameters
        ----------
        transform : {"default", None}, default=None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For "pandas" and "polars".
        """
        if transform not in (None, "default"):
            raise ValueError(
                f"ModeEncoder gives encodings that carry the modes, and no table: set_output(transform={transform!r}) "
                "is not possible. Leave this step out of set_output; get_feature_names_out has the names."
            )
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "modes_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _labels(self) -> dict:
        """Return the modes and the names of their categories and axes, as encodings carry them."""
        axes = {part.mode.name: part.encoder.axes for part in self._fitted if part.encoder.axes is not None}
        numbers = [part.mode.name for part in self._fitted if isinstance(part.encoder, NumberEncoder)]
        return {"modes": self.modes_, "categories": self.categories_, "axes": axes, "numbers": numbers}

    def _fit_parts(self, X) -> list[FittedPart]:
        """Fit the encoders of all modes to a table, but for the sizes of Features."""
        with config_context(transform_output="default"):
            return [self._fit_part(part, X) for part in parts_of(self.modes)]

    def _fit_part(self, part: Part, X) -> FittedPart:
        """Fit the encoder of a mode to its columns."""
        columns = Columns.find(part.columns, X, repr(part.mode))
        block = columns.of(X)
        encoder = self._encoder(part, block).fit(block, columns.labels)
        return FittedPart(part.mode, columns, encoder)

    def _encoder(self, part: Part, block) -> ColumnEncoder:
        """Return the encoder of a mode, not fitted."""
        mode, encoding = part.mode, part.encoding
        encoder: ColumnEncoder = NumberEncoder(repr(mode), self.dtype)
        if isinstance(mode, Grid) and mode.quantity == "count":
            encoder = PointEncoder(mode, option("outside", self.outside, mode, OUTSIDE), self.dtype)
        if encoding is None and isinstance(mode, Feature):
            encoding = "passthrough" if encodes_numbers(block, repr(mode)) else "one-hot"
        if isinstance(encoding, str) and encoding == "one-hot":
            unknown = option("handle_unknown", self.handle_unknown, mode, UNKNOWN)
            return CategoryEncoder(repr(mode), unknown, self.dtype)
        return encoder if encoding is None or isinstance(encoding, str) else TransformedEncoder(encoding, encoder)


def fit_block(X, encoder: ModeEncoder) -> list[FittedPart] | None:
    """Fit the parts of an encoder to a block of rows; None if it has none."""
    return encoder._fit_parts(as_table(X)) if len(X) else None
