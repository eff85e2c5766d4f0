"""Positions as distance and angle."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from sklearn_mrtl._utils.arrays import row_blocks
from sklearn_mrtl._utils.callbacks import as_task
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.points import check_point
from sklearn_mrtl.preprocessing._docstrings import COLUMNS
from sklearn_mrtl.preprocessing._points import PointTransformer, check_points, split_points


@substitute(columns=COLUMNS)
class PolarPosition(PointTransformer):
    """Turn positions in the plane into distances and angles about a point.

    Use it for a Grid of distance and angle, whose second axis is periodic. Its cells are small near the origin and
    large far away, so a map of them is sharp near the origin and smooth elsewhere.

    Parameters
    ----------
    origin : (float, float)
        The point to which distances are measured, such as the basket, in the coordinates of X.

    Attributes
    ----------
    {columns}

    See Also
    --------
    GridDiscretizer : Encodes distance and angle by the cells of the Grid.
    RelativePosition : Positions around a player who moves.
    sklearn_mrtl.inspection.FactorDisplay : Draws polar cells in the plane, with ``origin=``.

    Notes
    -----
    The distance has the units of X. The angle is in degrees from -180 to 180: 0 in the direction of x, 90 in the
    direction of y. At the origin itself the angle is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import PolarPosition
    >>> places = [[15.25, 25.0], [5.25, 45.0], [np.nan, np.nan]]  # feet; straight ahead, to the side, absent
    >>> polar = PolarPosition(origin=(5.25, 25.0)).fit(places)
    >>> polar.transform(places)
    array([[10.,  0.],
           [20., 90.],
           [nan, nan]])

    As the encoding of a Grid, with cells of 2 feet and 45 degrees:

    >>> from sklearn_mrtl import Grid
    >>> from sklearn_mrtl.preprocessing import ModeEncoder
    >>> court = Grid("court", (22, 8), bounds=[(0, 44), (-180, 180)], periodic=(False, True))
    >>> ModeEncoder([(court, [0, 1], polar)]).fit_transform(np.array(places)).shape
    (3, 176)
    """

    def __init__(self, origin):
        self.origin = origin

    @as_task
    def fit(self, X, y=None):
        """Check the parameters and X.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, 2 * n_points)
            Coordinates, point after point: x1, y1, x2, y2, ... A point both of whose coordinates are NaN is absent.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `origin` is not a point, the columns of X are not whole points, or a point is partly NaN.
        """
        check_point("origin", self.origin)
        self._points(X, reset=True)
        return self

    def transform(self, X):
        """Return distance and angle of each point.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features_in_)

        Returns
        -------
        ndarray of shape (n_samples, 2 * n_points)
            distance1, angle1, distance2, angle2, ... in X's dtype; angles in degrees. NaN for a point absent from X.

        Raises
        ------
        ValueError
            As in `fit`.
        """
        check_is_fitted(self)
        X = self._points(X, reset=False)
        out = np.empty_like(X, order="C")
        origin = np.array(self.origin, dtype=X.dtype)[:, None, None]
        for rows in row_blocks(X):
            x, y = split_points(X[rows], 2) - origin + 0  # + 0: arctan2 takes -0 for the other side of the axis
            out[rows, ::2] = np.hypot(x, y)
            out[rows, 1::2] = np.degrees(np.arctan2(y, x))
        return out

    def get_feature_names_out(self, input_features=None):
        """Return the names distance_X_Y and angle_X_Y of each point, where X and Y are the names of its columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; those of fit by default.

        Returns
        -------
        ndarray of str, shape (2 * n_points,)
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        points = [f"{x}_{y}" for x, y in zip(names[::2], names[1::2], strict=True)]
        return np.array([f"{what}_{point}" for point in points for what in ("distance", "angle")], dtype=object)

    def _whole_points(self, X: np.ndarray) -> np.ndarray:
        if X.shape[1] % 2:
            raise ValueError(f"X must have two columns for each point, x and y, got {X.shape[1]} feature(s).")
        check_points(X, 2)
        return X
