"""The estimator for classes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin

from sklearn_mrtl._estimators.base import BaseMRTL, all_or_nothing
from sklearn_mrtl._estimators.classes import (
    check_weights,
    class_weights,
    known_codes,
    one_hot,
    validate_classes,
    weights_of_rows,
)
from sklearn_mrtl._estimators.docstrings import document
from sklearn_mrtl._estimators.fit_data import RowData
from sklearn_mrtl._estimators.lazy_fit import BlockRows, Known, lazy_classes, lazy_data
from sklearn_mrtl._estimators.lazy_predictions import by_blocks, lazy_score
from sklearn_mrtl._estimators.lazy_rows import LazyRows
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.tensors import on_host
from sklearn_mrtl._estimators.validation import normalize_weights, validate_rows, validate_validation
from sklearn_mrtl._utils.arrays import as_one_array, as_one_target, is_lazy
from sklearn_mrtl._utils.time import check_same_order
from sklearn_mrtl.core.losses import LogisticLoss, Loss, SoftmaxLoss


@document
class MRTLClassifier(ClassifierMixin, BaseMRTL):
    """Classification with a weight tensor on grids, learned from coarse to fine.

    The probability of the second class is ``sigmoid(<W, X_n> + b)`` with a weight tensor W that has a mode for each
    kind of feature and each grid, of low rank so that it can be read: eq. (1) and (2) of Park et al. (2020), trained by
    their Algorithm 1 on cross entropy (eq. 8), spatial smoothness and L2 penalties. With more classes they are one more
    mode of W, and the softmax takes the place of the sigmoid.

    {parameters}
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which multiply those of the samples. "balanced": inversely proportional to their
        frequency, the paper's beta. Validation data get those of the training rows too.

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
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_mrtl import MRTLClassifier
    >>> from sklearn_mrtl.datasets import make_shots
    >>> from sklearn_mrtl.preprocessing import ModeEncoder
    >>> shots = make_shots(4000, n_players=5, random_state=0)
    >>> player, court, box = shots.modes
    >>> encode = ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))])
    >>> model = make_pipeline(encode, MRTLClassifier(rank=3)).fit(shots.data, shots.target)
    >>> model[-1].factors_["court"].shape
    (40, 50, 3)
    >>> bool(model.score(shots.data, shots.target) > 0.7)
    True
    """

    def __init__(
        self, modes=None, *, terms="auto", rank="auto", decomposition="cp", resolutions="auto", n_levels=None,
        full_rank_levels="auto", alpha_spatial="auto", alpha_l2="auto", sigma="auto", cv=None, nonnegative=(),
        solver="auto", learning_rate=0.01, lr_decay=0.95, batch_size="auto", max_epochs=100,
        full_rank_alpha_spatial=None, full_rank_alpha_l2=None, full_rank_learning_rate=None, criterion="auto",
        patience=1, tol=0.0, validation_fraction=0.2, class_weight=None, device="auto", warm_start=False,
        checkpoint=None, random_state=None, verbose=0,
    ):  # fmt: skip
        super().__init__(
            modes, terms=terms, rank=rank, decomposition=decomposition, resolutions=resolutions, n_levels=n_levels,
            full_rank_levels=full_rank_levels, alpha_spatial=alpha_spatial, alpha_l2=alpha_l2, sigma=sigma, cv=cv,
            nonnegative=nonnegative, solver=solver, learning_rate=learning_rate, lr_decay=lr_decay,
            batch_size=batch_size, max_epochs=max_epochs, full_rank_alpha_spatial=full_rank_alpha_spatial,
            full_rank_alpha_l2=full_rank_alpha_l2, full_rank_learning_rate=full_rank_learning_rate,
            criterion=criterion, patience=patience, tol=tol, validation_fraction=validation_fraction, device=device,
            warm_start=warm_start, checkpoint=checkpoint, random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    @all_or_nothing
    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, X_val: Any = None, y_val: Any = None,
        sample_weight_val: ArrayLike | None = None, groups: ArrayLike | None = None,
    ) -> Self:  # fmt: skip
        """Fit the model.

        Parameters
        ----------
        {fit_x}
        y : array-like of shape (n,)
            Class labels.
        {fit_weights}

        Raises
        ------
        ValueError
            If X does not match the modes or is constant, y has one class only, the times of y are those of X in another
            order, or a parameter is out of its range.
        MemoryError
            If the model would not fit into memory.
        """
        X, X_val = as_one_array(X), as_one_array(X_val)
        y, y_val = (on_host(as_one_target(values)) for values in (y, y_val))
        check_same_order(X, y)
        check_same_order(X_val, y_val, "y_val")
        if is_lazy(X):
            data = lazy_data(self, X, y, sample_weight, X_val, y_val, sample_weight_val, groups)
            return self._set(self._fit(*data))
        rows, labels = validate_rows(self, X, y, sample_weight, groups)
        expected = (rows.X.shape[1:], labels, rows.X.dtype)
        validation = validate_validation(self, X_val, y_val, sample_weight_val, expected=expected)
        y = validate_classes("y", rows.y)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(f"y must have at least two classes, got one class only: {classes[0]!r}.")
        given = y, None if sample_weight is None else rows.weight
        codes = np.searchsorted(classes, y)
        factors = class_weights(self.class_weight, classes, codes, rows)
        training = normalize_weights(rows._replace(y=codes), weights_of_rows(factors, codes))
        check_weights(training, classes)
        n_outputs = len(classes) if len(classes) > 2 else 1
        outputs = Outputs("class", np.ones(n_outputs), np.zeros(n_outputs), classes)
        if validation is not None:
            codes = known_codes(validation.y, classes)
            validation = normalize_weights(validation._replace(y=codes), weights_of_rows(factors, codes))
            validation = validation._replace(y=one_hot(validation.y, outputs))
        training = training._replace(y=one_hot(training.y, outputs).astype(rows.X.dtype))
        del rows, y, codes  # arrays as long as X that training has in smaller form
        loss = LogisticLoss if n_outputs == 1 else SoftmaxLoss
        return self._set(self._fit(RowData(training, validation, labels, given), loss, outputs))

    def _known_rows(self, rows: LazyRows, known: Known | None = None) -> tuple[BlockRows, Loss, Outputs]:
        """Return what is known of the targets of dask arrays, the loss, and the outputs if they are not known."""
        blocks, outputs = lazy_classes(rows, self.class_weight, known)
        return blocks, LogisticLoss if outputs.number == 1 else SoftmaxLoss, outputs

    @by_blocks
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores before the sigmoid or softmax.

        Parameters
        ----------
        {x}

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            With two classes, that of the second.
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    @by_blocks
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        {x}

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        scores = self.decision_function(X)
        if scores.ndim == 2:
            return softmax(scores, axis=1)
        return np.stack([expit(-scores), expit(scores)], axis=1)

    @by_blocks
    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class.

        Parameters
        ----------
        {x}

        Returns
        -------
        ndarray of shape (n,)
        """
        scores = self.decision_function(X)
        return self.classes_[scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)]

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the fraction of rows whose class is predicted.

        Parameters
        ----------
        {x}
        y : array-like of shape (n,)
            Class labels.
        sample_weight : array-like of shape (n,), default=None
            ``None``: 1.

        Returns
        -------
        float
        """
        X, y = as_one_array(X), as_one_target(y)
        check_same_order(X, y)
        if is_lazy(X):
            return lazy_score(self, X, y, sample_weight)
        return super().score(X, y, sample_weight)
