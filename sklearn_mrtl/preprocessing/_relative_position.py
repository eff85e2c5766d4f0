"""Positions of the others as a player sees them."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from sklearn_mrtl._utils.arrays import row_blocks
from sklearn_mrtl._utils.callbacks import as_task
from sklearn_mrtl._utils.court import BASKET, BOX_BOUNDS
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.points import check_point
from sklearn_mrtl.preprocessing._docstrings import COLUMNS
from sklearn_mrtl.preprocessing._points import PointTransformer, check_points, split_points


@substitute(columns=COLUMNS)
class RelativePosition(PointTransformer):
    """Turn positions on a court into positions around a player, with the basket straight up.

    A row has the player's position and those of the others. The output has the others' positions as the player sees
    them when he faces the basket: x to his right, y towards the basket (Fig. 2 of Park et al., 2020). Others outside
    the box around him become absent (NaN), so that a `GridDiscretizer` on the same box leaves them out.

    Parameters
    ----------
    basket : (float, float) or None, default=(5.25, 25.0)
        Position of the basket, in the coordinates of X. The default is in feet from the baseline and the sideline.
        ``None``: each row has its own, as the last two columns of X.
    box : ((float, float), (float, float)), default=((-6.0, 6.0), (-2.0, 10.0))
        Bounds (low, high) to the player's right and towards the basket; both belong to the box. They may be infinite.
        The default is the paper's, 12 x 12 feet.

    Attributes
    ----------
    n_outside_ : int
        Number of others outside the box in the data of fit. Those absent from X are not counted.
    {columns}

    See Also
    --------
    GridDiscretizer : Counts the positions in the cells of the box.
    PolarPosition : Distance and angle about a fixed point.

    Notes
    -----
    With d the vector from the player to another and u the unit vector from the player to the basket, the position is
    (d_x u_y - d_y u_x, d_x u_x + d_y u_y): a rotation, which keeps distances and does not swap left and right.

    A player exactly at the basket has no direction; the others' positions around him are then not turned.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import RelativePosition
    >>> frame = [[15.25, 25.0, 11.25, 25.0, 15.25, 28.0, 40.0, 25.0]]  # the player and three defenders, in feet
    >>> RelativePosition().fit_transform(frame)  # one 4 feet ahead, one 3 feet to the right, one too far
    array([[ 0.,  4.,  3.,  0., nan, nan]])

    From positions to the number of defenders in each cell, for an estimator with the same Grid as mode:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_mrtl import Grid
    >>> from sklearn_mrtl.preprocessing import GridDiscretizer
    >>> box = Grid("defenders", (12, 12), bounds=[(-6, 6), (-2, 10)])
    >>> make_pipeline(RelativePosition(box=box.bounds), GridDiscretizer(box)).fit_transform(frame).sum()
    np.float64(2.0)
    """

    def __init__(self, *, basket=BASKET, box=BOX_BOUNDS):
        self.basket = basket
        self.box = box

    @as_task
    def fit(self, X, y=None):
        """Check the parameters and X, and count the others outside the box.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, 2 + 2 * n_others)
            Coordinates, point after point: the player's x and y, then x and y of each of the others; with
            ``basket=None`` followed by x and y of the basket. A point both of whose coordinates are NaN is absent.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `basket` is not a point, `box` has no (low, high) for both axes, the columns of X are not whole points
            or fewer than needed, or a point is partly NaN.
        """
        if self.basket is not None:
            check_point("basket", self.basket, ", or None for the last two columns of X")
        _check_box(self.box)
        X = self._points(X, reset=True)
        self.n_outside_ = int(sum(self._outside(self._around(X[rows])).sum() for rows in row_blocks(X)))
        return self

    def transform(self, X):
        """Return the positions of the others around the player.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features_in_)

        Returns
        -------
        ndarray of shape (n_samples, 2 * n_others)
            x1, y1, x2, y2, ... in X's dtype. NaN for those outside the box, absent from X, or in a row without player.

        Raises
        ------
        ValueError
            As in `fit`.
        """
        check_is_fitted(self)
        X = self._points(X, reset=False)
        out = np.empty((len(X), X.shape[1] - (2 if self.basket is not None else 4)), X.dtype)
        for rows in row_blocks(X):
            around = self._around(X[rows])
            around[self._outside(around)] = np.nan
            out[rows] = around.reshape(len(around), -1)
        return out

    def get_feature_names_out(self, input_features=None):
        """Return the names of the others' coordinates, as they are in X.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; those of fit by default.

        Returns
        -------
        ndarray of str, shape (2 * n_others,)
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        return names[2:] if self.basket is not None else names[2:-2]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_outside_")

    def _around(self, X: np.ndarray) -> np.ndarray:
        """Return the positions of the others around the player, shape (n_samples, n_others, 2)."""
        points = split_points(X, 2)  # (2, n, points)
        player, others = points[..., 0], points[..., 1:]
        if self.basket is None:
            others, basket = others[..., :-1], others[..., -1]
        else:
            basket = np.array(self.basket, dtype=points.dtype)[:, None]
        up_x, up_y = _directions(basket - player)[..., None]  # each (n, 1)
        x, y = others - player[..., None]  # each (n, others)
        return np.stack((x * up_y - y * up_x, x * up_x + y * up_y), axis=-1)

    def _whole_points(self, X: np.ndarray) -> np.ndarray:
        least = 4 if self.basket is not None else 6
        if X.shape[1] % 2 or X.shape[1] < least:
            last = "" if self.basket is not None else ", then of the basket, as basket=None says"
            raise ValueError(
                f"X must have columns x and y of the player, then of each of the others{last}: an even number, at "
                f"least {least}, got {X.shape[1]} feature(s)."
            )
        check_points(X, 2)
        return X

    def _outside(self, around: np.ndarray) -> np.ndarray:
        """Return which of the others lie outside the box, shape (n_samples, n_others); NaN does not."""
        low, high = np.transpose(self.box)
        return ((around < low) | (around > high)).any(axis=-1)


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Return unit vectors of the same directions, shape (2, n); along y where there is no direction."""
    x, y = vectors
    length = np.hypot(x, y)
    nowhere = length == 0
    length[nowhere] = 1
    return np.stack((x / length, np.where(nowhere, 1, y / length)))


def _check_box(box) -> None:
    if np.shape(box) != (2, 2) or not all(low < high for low, high in box):
        raise ValueError(f"box must have a (low, high) with low < high for each of its 2 axes, got {box!r}.")
