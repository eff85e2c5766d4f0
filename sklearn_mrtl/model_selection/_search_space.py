"""Distributions of hyperparameters to search over."""

from __future__ import annotations

from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator

from sklearn_mrtl._estimators.base import BaseMRTL

# Table 2 of the paper: smallest and largest value of each hyperparameter.
TABLE_2 = {
    "basketball": {
        "batch_size": (32, 1024),
        "full_rank_learning_rate": (1e-3, 1e-1),
        "full_rank_alpha": (1e-5, 1e0),
        "learning_rate": (1e-5, 1e-1),
        "alpha": (1e-5, 1e0),
        "sigma": (0.03, 0.2),
        "lr_decay": (0.7, 0.95),
    },
    "climate": {
        "batch_size": (8, 128),
        "full_rank_learning_rate": (1e-4, 1e-1),
        "full_rank_alpha": (1e-4, 1e-1),
        "learning_rate": (1e-4, 1e-1),
        "alpha": (1e-4, 1e-1),
        "sigma": (0.03, 0.2),
        "lr_decay": (0.7, 0.95),
    },
}


def search_space(estimator, dataset: str | None = None) -> dict:
    """Return distributions for RandomizedSearchCV or HalvingRandomSearchCV.

    Parameters
    ----------
    estimator : MRTLRegressor, MRTLClassifier, or anything with one inside
        Estimator to search, such as a Pipeline; names get the prefixes that it needs.
    dataset : {"basketball", "climate"} or None, default=None
        ``None``: the parameters that matter with the default solver: rank, both penalties and the kernel's width. A
        name: the ranges of the paper's Table 2 for that data set, for ``solver="adam"`` or ``"sgd"`` (the full-rank
        and the low-rank levels each have a learning rate and penalties; the table's single penalty is the range of
        both).

    Returns
    -------
    dict of str to distribution or list
        The search draws from them with its own `random_state`.

    Raises
    ------
    ValueError
        If there is no such estimator inside, or no such data set.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.model_selection import search_space
    >>> list(search_space(make_pipeline(StandardScaler(), MRTLRegressor())))[:2]
    ['mrtlregressor__rank', 'mrtlregressor__alpha_spatial']
    """
    prefix = _prefix(estimator)
    if dataset is None:
        space = {
            "rank": randint(1, 21),
            "alpha_spatial": loguniform(1e-6, 1e1),
            "alpha_l2": loguniform(1e-5, 1e1),
            "sigma": ["auto", 0.005, 0.01, 0.02, 0.05],
        }
    elif dataset in TABLE_2:
        space = _table_2(TABLE_2[dataset])
    else:
        raise ValueError(f"dataset must be None or one of {sorted(TABLE_2)}, got {dataset!r}.")
    return {prefix + name: values for name, values in space.items()}


def _table_2(ranges: dict) -> dict:
    """Uniform distributions of batch sizes and decays; loguniform ones of everything else, whose ranges are decades."""
    low, high = ranges["batch_size"]
    space = {"batch_size": randint(low, high + 1)}
    for name in ("learning_rate", "full_rank_learning_rate", "sigma"):
        space[name] = loguniform(*ranges[name])
    for alpha in ("alpha", "full_rank_alpha"):
        for penalty in ("spatial", "l2"):
            space[f"{alpha}_{penalty}"] = loguniform(*ranges[alpha])
    low, high = ranges["lr_decay"]
    return {**space, "lr_decay": uniform(low, high - low)}


def _prefix(estimator) -> str:
    """Prefix of the names of an MRTL estimator's parameters."""
    if isinstance(estimator, BaseMRTL):
        return ""
    parameters = estimator.get_params() if isinstance(estimator, BaseEstimator) else {}
    names = [name for name, value in parameters.items() if isinstance(value, BaseMRTL)]
    if not names:
        raise ValueError(f"there is no MRTLRegressor or MRTLClassifier in {estimator!r}.")
    return f"{names[0]}__"
