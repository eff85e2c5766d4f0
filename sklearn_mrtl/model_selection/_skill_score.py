"""Skill: how much smaller squared errors are than those of a reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._utils.maps import flat_target
from sklearn_mrtl._utils.skill import skill_of
from sklearn_mrtl.references import ClimatologyRegressor


def skill_score(reference=None) -> SkillScorer:
    """Make a scorer of skill, 1 - MSE / MSE of a reference, for ``scoring=`` of cross-validation and searches.

    Parameters
    ----------
    reference : estimator, default=None
        A regressor, such as those of :mod:`sklearn_mrtl.references`. A fitted one predicts as it is. Of one that is not
        fitted, a copy is fitted to the rows that are scored, as R^2 does with their mean. ``None``:
        `ClimatologyRegressor`, the means of the calendar months; the rows then need times.

    Returns
    -------
    SkillScorer
        A callable (estimator, X, y, sample_weight=None). 1 is perfect, 0 no better than the reference. Of several
        outputs, or cells of a map, the mean of their skills.

    Notes
    -----
    A reference that is fitted to the scored rows, or was fitted to rows that include them, knows more than it should,
    so the skill is too low rather than too high, more so the fewer rows a fold has. For an exact comparison fit both to
    the same training rows: compare the predictions of ``cross_val_predict`` for both.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.model_selection import ConsecutiveBlockKFold, skill_score
    >>> from sklearn_mrtl.references import DampedPersistenceRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(240, 2, 6, 8))
    >>> y = X[:, 0, 2, 3] + X[:, :, 1:4, 2:6].sum(axis=(1, 2, 3)) / 2 + rng.normal(size=240)
    >>> scoring = skill_score(DampedPersistenceRegressor(of=(0, 2, 3)))
    >>> cv = ConsecutiveBlockKFold(3, gap=6)
    >>> scores = cross_val_score(MRTLRegressor(rank=1), X, y, cv=cv, scoring=scoring)
    >>> bool(scores.mean() > 0.2)
    True
    """
    return SkillScorer(reference)


class SkillScorer:
    """A scorer of skill; see `skill_score`.

    Parameters
    ----------
    reference : estimator or None
    """

    def __init__(self, reference=None):
        self.reference = reference

    def __repr__(self):
        return f"skill_score({'' if self.reference is None else repr(self.reference)})"

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the skill of an estimator on rows.

        Parameters
        ----------
        estimator : fitted estimator
        X : array-like or xarray.DataArray of shape (n, ...)
        y : array-like of shape (n,), (n, T), or maps (n, ...) that are NaN over land
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the reference makes no error in an output, or predictions have not the shape of y.
        """
        reference = ClimatologyRegressor() if self.reference is None else self.reference
        if not is_fitted(reference):
            options = {} if sample_weight is None else {"sample_weight": sample_weight}
            reference = clone(reference).fit(X, y, **options)
        truth, mask = flat_target(y)
        predicted, expected = (
            flat_target(model.predict(X), "the prediction", mask)[0] for model in (estimator, reference)
        )
        truth, predicted, expected = (np.asarray(values, dtype=np.float64) for values in (truth, predicted, expected))
        for values in (predicted, expected):
            if values.shape != truth.shape:
                raise ValueError(f"predictions must have the shape of y, {truth.shape}, got {values.shape}.")
        skill = skill_of(truth, predicted, expected, sample_weight)
        if np.isnan(skill).any():
            raise ValueError(f"{reference!r} makes no error on these rows: there is no skill to be had over it.")
        return float(np.mean(skill))


def is_fitted(estimator) -> bool:
    """Return whether an estimator is fitted."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True
