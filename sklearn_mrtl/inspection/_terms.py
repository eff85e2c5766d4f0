"""One term of a fitted sum, for pictures and measures."""

from __future__ import annotations

from copy import copy

from sklearn_mrtl._estimators.base import OPTIONAL_ATTRIBUTES, BaseMRTL
from sklearn_mrtl.inspection._components import fitted_model


def select_term(estimator, term: str) -> BaseMRTL:
    """Return the fitted model with the factors of one of its terms, for pictures and measures of that term.

    Its predictions are those of all terms, as before.

    Parameters
    ----------
    estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
    term : str
        A name in ``terms_``, such as "court" or "player x court".

    Returns
    -------
    MRTLRegressor or MRTLClassifier
        A copy, whose ``factors_``, ``component_weights_``, ``rank_`` and ``tensor_`` are those of the term.

    Raises
    ------
    ValueError
        If the model has no such term.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import Feature, MRTLRegressor
    >>> from sklearn_mrtl.inspection import select_term
    >>> rng = np.random.default_rng(0)
    >>> row, column = rng.integers(4, size=300), rng.integers(5, size=300)
    >>> X = np.hstack([np.eye(4)[row], np.eye(5)[column]])
    >>> y = row + rng.normal(size=300)
    >>> modes = [Feature("row", 4), Feature("column", 5)]
    >>> model = MRTLRegressor(modes, terms=["row", ("row", "column")], rank=1).fit(X, y)
    >>> list(model.factors_), list(select_term(model, "row").factors_)
    (['row', 'column'], ['row'])
    """
    model = fitted_model(estimator)
    if term not in model.terms_:
        raise ValueError(f"term must be one of {list(model.terms_)}, got {term!r}.")
    selected, tensor = copy(model), model.terms_[term].tensor
    for name in OPTIONAL_ATTRIBUTES:
        selected.__dict__.pop(name, None)
    intercept = {name: value for name, value in vars(model).items() if name.startswith("intercept")}
    selected.__dict__.update(tensor.attributes() | intercept | {"tensor_": tensor})
    return selected
