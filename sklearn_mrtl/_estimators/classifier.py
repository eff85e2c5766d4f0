"""The estimator for classes."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sklearn_mrtl._estimators.base import BaseMRTL, all_or_nothing
from sklearn_mrtl._estimators.docstrings import document
from sklearn_mrtl.core.losses import LogisticLoss, SoftmaxLoss


@document
class MRTLClassifier(ClassifierMixin, BaseMRTL):
    """Classification with a weight tensor on grids, learned from coarse to fine.

    The chance of the second class is ``sigmoid(<W, X_n> + b)`` with a weight tensor W that has a mode for each kind of
    feature and each grid, of low rank so that it can be read: eq. (1) and (2) of Park et al. (2020), trained by their
    Algorithm 1 on cross entropy (eq. 8), spatial smoothness and L2 penalties. With more classes they are one more mode
    of W, and the softmax takes the place of the sigmoid.

    {parameters}
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which multiply those of the samples. "balanced": inversely proportional to their
        frequency, the paper's beta.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    {attributes}

    See Also
    --------
    MRTLRegressor : The same for numbers.

    {notes}

    Examples
    --------
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from sklearn_mrtl import MRTLClassifier
    >>> from sklearn_mrtl.datasets import make_shots
    >>> from sklearn_mrtl.preprocessing import GridDiscretizer
    >>> shots = make_shots(4000, n_players=5, random_state=0)
    >>> player, court, box = shots.modes
    >>> encode = make_column_transformer(
    ...     (OneHotEncoder(), [0]), (GridDiscretizer(court), [1, 2]), (GridDiscretizer(box), slice(3, None))
    ... )
    >>> model = make_pipeline(encode, MRTLClassifier(shots.modes, rank=3)).fit(shots.data, shots.target)
    >>> model[-1].factors_["court"].shape
    (40, 50, 3)
    >>> bool(model.score(shots.data, shots.target) > 0.7)
    True
    """

    _output_name = "class"

    def __init__(
        self, modes=None, *, rank=10, decomposition="cp", resolutions="auto", n_levels=None, full_rank_levels="auto",
        alpha_spatial="auto", alpha_l2="auto", sigma="auto", nonnegative=(), solver="auto", learning_rate=0.01,
        lr_decay=0.95, batch_size="auto", max_epochs=100, full_rank_alpha_spatial=None, full_rank_alpha_l2=None,
        full_rank_learning_rate=None, criterion="auto", patience=1, tol=0.0, validation_fraction=0.2, class_weight=None,
        device="auto", warm_start=False, random_state=None, verbose=0,
    ):  # fmt: skip
        super().__init__(
            modes, rank=rank, decomposition=decomposition, resolutions=resolutions, n_levels=n_levels,
            full_rank_levels=full_rank_levels, alpha_spatial=alpha_spatial, alpha_l2=alpha_l2, sigma=sigma,
            nonnegative=nonnegative, solver=solver, learning_rate=learning_rate, lr_decay=lr_decay,
            batch_size=batch_size, max_epochs=max_epochs, full_rank_alpha_spatial=full_rank_alpha_spatial,
            full_rank_alpha_l2=full_rank_alpha_l2, full_rank_learning_rate=full_rank_learning_rate,
            criterion=criterion, patience=patience, tol=tol, validation_fraction=validation_fraction, device=device,
            warm_start=warm_start, random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    @all_or_nothing
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like, sparse matrix, torch.Tensor or xarray.DataArray of shape (n, ...)
            Samples, in either layout. In fields (N-D X) NaN means that there are no data: a cell that is always NaN
            (land) weighs nothing; what is NaN in some rows only is filled with its training mean, with a warning.
        y : array-like of shape (n,)
            Class labels.
        sample_weight : array-like of shape (n,), default=None
        X_val, y_val, sample_weight_val : as X, y and sample_weight, default=None
            Data whose loss the criterion watches. The weights that are best on them are kept.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X does not match the modes, y has one class only, or a parameter is out of its range.
        MemoryError
            If the model would not fit into memory.
        """
        X, y, weight = self._read_weighted(X, y, sample_weight, reset=True)
        validation = self._read_validation(X_val, y_val, sample_weight_val)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least two classes, got one class only: {self.classes_[0]!r}.")
        given = y, None if sample_weight is None else weight
        if self.class_weight is not None:
            weight = (weight * compute_sample_weight(self.class_weight, y)).astype(weight.dtype)
        if validation is not None:
            X_val, y_val, weight_val = validation
            validation = X_val, self._shares(self._codes(y_val)), weight_val
        loss = LogisticLoss if len(self.classes_) == 2 else SoftmaxLoss
        shares = self._shares(np.searchsorted(self.classes_, y)).astype(X.dtype)
        n_outputs = shares.shape[1]
        scale, shift = np.ones(n_outputs), np.zeros(n_outputs)
        self._fit(X, shares, weight, validation, loss, given=given, scale=scale, shift=shift)
        return self

    def decision_function(self, X):
        """Scores before the sigmoid or softmax.

        Parameters
        ----------
        X : array-like, sparse matrix, torch.Tensor or xarray.DataArray of shape (n, ...)
            Rows of the same shape as in fit.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            With two classes, that of the second.
        """
        scores = self._scores(X)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X):
        """Chance of each class.

        Parameters
        ----------
        X : array-like, sparse matrix, torch.Tensor or xarray.DataArray of shape (n, ...)
            Rows of the same shape as in fit.

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        scores = self.decision_function(X)
        if scores.ndim == 2:
            return softmax(scores, axis=1)
        return np.stack([expit(-scores), expit(scores)], axis=1)

    def predict(self, X):
        """Class of the largest chance.

        Parameters
        ----------
        X : array-like, sparse matrix, torch.Tensor or xarray.DataArray of shape (n, ...)
            Rows of the same shape as in fit.

        Returns
        -------
        ndarray of shape (n,)
        """
        scores = self.decision_function(X)
        return self.classes_[scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)]

    def _codes(self, y_val) -> np.ndarray:
        """Places of validation labels among the classes."""
        y_val = column_or_1d(y_val)
        unknown = np.setdiff1d(y_val, self.classes_)
        if len(unknown):
            raise ValueError(f"y_val has classes that y has not: {unknown.tolist()}; those of y are {self.classes_}.")
        return np.searchsorted(self.classes_, y_val)

    def _shares(self, codes: np.ndarray) -> np.ndarray:
        """Targets (n, T): 0 or 1 for two classes, else one column for each."""
        if len(self.classes_) == 2:
            return codes[:, None]
        return codes[:, None] == np.arange(len(self.classes_))
