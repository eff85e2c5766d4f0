"""What else one would use for shots and frames: tables of a player, positions and distances, and whether it went in."""

from dataclasses import replace
from functools import partial

import numpy as np
from beyond_tasks import COLUMNS
from peers import Peer, grid, log_losses, on_every, searched
from sklearn.linear_model import LogisticRegression

TREES = grid(rounds=(100, 300), rate=(0.03, 0.1), leaves=(8, 31, 127))


def columns(X):
    """Names of the numeric columns: position, distance and angle, and those of defenders."""
    return [name for name in X.columns if name in COLUMNS]


def tree_search(fit):
    return searched(fit, TREES, log_losses)


# Boosting


def hist_boosting(X, y, rounds, rate, leaves):
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=rounds, learning_rate=rate, max_leaf_nodes=leaves, early_stopping=False, random_state=0
    )

    def features(X):
        return np.column_stack([X[columns(X)], X.player.cat.codes])

    model.fit(features(X), y)
    return lambda X: model.predict_proba(features(X))[:, 1]


def encoded_boosting(X, y, rounds, rate, leaves):
    """Of a player's rate of success instead of his number; scikit-learn's encoder is cross-fitted."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import TargetEncoder

    encode = make_column_transformer(
        (TargetEncoder(target_type="binary", random_state=0), ["player"]), ("passthrough", columns(X))
    )
    boost = HistGradientBoostingClassifier(
        max_iter=rounds, learning_rate=rate, max_leaf_nodes=leaves, early_stopping=False, random_state=0
    )
    model = make_pipeline(encode, boost).fit(X, y)
    return lambda X: model.predict_proba(X)[:, 1]


def light_gbm(X, y, rounds, rate, leaves):
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(
        n_estimators=rounds, learning_rate=rate, num_leaves=leaves, n_jobs=1, verbose=-1, random_state=0
    )
    features = [*columns(X), "player"]
    model.fit(X[features], y)
    return lambda X: model.predict_proba(X[features])[:, 1]


def cat_boost(X, y, rounds, rate, leaves):
    from catboost import CatBoostClassifier, Pool

    model = CatBoostClassifier(
        iterations=rounds, learning_rate=rate, depth=int(np.log2(leaves + 1)), thread_count=1, verbose=0,
        allow_writing_files=False, random_seed=0,
    )  # fmt: skip

    def pool(X, y=None):
        return Pool(X[[*columns(X), "player"]].astype({"player": str}), y, cat_features=["player"])

    model.fit(pool(X, y))
    return lambda X: model.predict_proba(pool(X))[:, 1]


# Sums


def logistic(encoder, X, y, C):
    """A number for every player and cell."""
    encode = encoder()
    model = LogisticRegression(C=C, max_iter=200).fit(encode.fit_transform(X), y)
    return lambda X: model.predict_proba(encode.transform(X))[:, 1]


def explainable_boosting(X, y, rate, bins, pairs):
    from interpret.glassbox import ExplainableBoostingClassifier

    names = [*columns(X), "player"]
    model = ExplainableBoostingClassifier(
        names, ["continuous"] * (len(names) - 1) + ["nominal"], interactions=pairs, learning_rate=rate,
        max_interaction_bins=bins, outer_bags=2, max_rounds=2000, n_jobs=1, random_state=0,
    )  # fmt: skip

    def features(X):
        return X[names].astype({"player": str}).to_numpy(dtype=object)

    model.fit(features(X), y)
    return lambda X: model.predict_proba(features(X))[:, 1]


PLACE_BY_PLAYER = [("x", "player"), ("y", "player"), ("distance", "player"), ("x", "y")]
EBM = grid(rate=(0.02, 0.1), bins=(16, 32), pairs=(0, 6, PLACE_BY_PLAYER))
GAM = grid(lam=tuple(np.logspace(-1, 2.3, 6)), splines=(8, 14))


def additive(X, y, lam, splines):
    """te(x, y) and a number for every player; where there are defenders, te(distance, side) for each of three."""
    from pygam import LogisticGAM, f, te

    players = X.player.cat.remove_unused_categories().cat.categories
    defenders = [name for name in X.columns if name.startswith(("near", "side"))][:6]

    def features(X):
        code = players.get_indexer(X.player)
        return np.column_stack([X.x, X.y, np.where(code < 0, 0, code), *(X[name] for name in defenders)])

    terms = te(0, 1, n_splines=splines, lam=lam) + f(2, lam=lam)
    for k in range(3, 3 + len(defenders), 2):
        terms += te(k, k + 1, n_splines=splines, lam=lam)
    model = LogisticGAM(terms, max_iter=20).fit(features(X), y)
    return lambda X: model.predict_proba(features(X))


# Ours


def ours(encoder, X, y, folds):
    from sklearn_mrtl import MRTLClassifier

    encode = encoder()
    groups = X.game if "game" in X else None
    model = MRTLClassifier().fit(encode.fit_transform(X), y, groups=groups)
    return (lambda X: model.predict_proba(encode.transform(X))[:, 1]), "defaults"


def table_peers(encoder, steps):
    """All of them; `steps` thins: {"interpret": 8} fits EBM to every eighth row, and ours again to the same rows."""

    def our_fit(X, y, folds):
        return ours(encoder, X, y, folds)

    def rate_only(X, y, folds):
        rate = y.mean()
        return (lambda X: np.full(len(X), rate)), ""

    linear = searched(partial(logistic, encoder), grid(C=tuple(np.logspace(-3, 1, 12))), log_losses)
    ebm = searched(explainable_boosting, EBM, log_losses)
    gam = searched(additive, GAM, log_losses)
    peers = [
        Peer("MRTLClassifier()", our_fit, "ours", "sklearn_mrtl"),
        Peer("constant", rate_only),
        Peer("logistic regression, player and cells", linear, "linear"),
        Peer("HistGradientBoosting, player's number", tree_search(hist_boosting)),
        Peer("HistGradientBoosting, player's rate", tree_search(encoded_boosting)),
        Peer("LightGBM, player as category", tree_search(light_gbm), package="lightgbm"),
        Peer("CatBoost, player as category", tree_search(cat_boost), package="catboost"),
        Peer("EBM, place x player", ebm, package="interpret"),
        Peer("pyGAM, tensor splines and players", gam, "linear", "pygam"),
    ]
    same_rows = [thinned(peers[0], step) for step in sorted(set(steps.values()))]
    return [thinned(peer, steps.get(peer.package, 1)) for peer in peers] + same_rows


def thinned(peer, step):
    return peer if step == 1 else replace(peer, fit=on_every(step, peer.fit), step=step)
