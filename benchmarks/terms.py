"""One product of all modes beside sums of terms and boosting: real shots, also with their kind, and tracking frames."""

import numpy as np
import pandas as pd
from _common import require, table, timed
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

from sklearn_mrtl import Grid, MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.inspection import factor_match_score, select_term
from sklearn_mrtl.preprocessing import ModeEncoder

RIM = 5.25, 25.0
HEAD = ["model", "log loss", "AUC", "fit s"]
PAIRS = [("player", "court"), ("court", "action"), ("player", "action")]


def compare(title, entries, models, train, test, target, peer, groups=None):
    """Fit every model to the same encodings of a table, and the peer to its own features; print a table."""
    encode = ModeEncoder(entries, handle_unknown="ignore", outside="drop", dtype=np.float32)
    X, X_test = encode.fit_transform(train), encode.transform(test)
    rows = []
    for name, parameters in models.items():
        model = MRTLClassifier(**parameters)
        fitted, seconds = timed(model.fit, X, train[target], groups=groups)
        rows.append(score(name, test[target], fitted.predict_proba(X_test)[:, 1], seconds))
    features, peers = peer
    for name, model in peers.items():
        fitted, seconds = timed(model.fit, features(train), train[target])
        rows.append(score(name, test[target], fitted.predict_proba(features(test))[:, 1], seconds))
    table(f"{title}: {len(train)} rows, tested on {len(test)}", HEAD, rows)


def score(name, y, probability, seconds):
    return name, f"{log_loss(y, probability):.5f}", f"{roc_auc_score(y, probability):.4f}", f"{seconds:.1f}"


def boosting(**parameters):
    return HistGradientBoostingClassifier(early_stopping=False, random_state=0, **parameters)


# Real shots


def load_shots():
    return (
        pd.read_parquet(require("shots/shots_2004_2013.parquet"))
        .query("y < 47")
        .astype({"action": "category", "player_id": "category"})
    )


def shot_features(shots):
    distance = np.hypot(shots.x, shots.y - RIM[0])
    return np.column_stack([shots.x, shots.y, distance, shots.player_id.cat.codes, shots.action.cat.codes])


def compare_shots(data):
    court = Grid("court", (100, 94), bounds=[(-25, 25), (0, 47)])
    train, test = data[data.season <= 2011], data[data.season >= 2012]
    models = {
        "one product, terms=None": {"terms": None},
        'terms="auto"': {},
    }
    peer = lambda shots: shot_features(shots)[:, :4], {"boosting, 200 rounds": boosting(max_iter=200)}
    compare(
        "Shots, player and place", [("player", "player_id"), (court, ["x", "y"])], models, train, test, "made", peer
    )

    court = Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)])
    train, test = data[data.season.between(2008, 2011)], data[data.season >= 2012]
    models = {
        "mains": {"terms": ["player", "court", "quarter", "action"]},
        "mains and three pairs, rank 4": {"terms": ["player", "court", "quarter", "action", *PAIRS], "rank": 4},
        'terms="auto"': {},
    }
    entries = [("player", "player_id"), (court, ["x", "y"]), ("quarter", "quarter"), ("action", "action")]
    peers = {"boosting, 200 rounds": boosting(max_iter=200, categorical_features=[4])}
    compare("Shots with their kind", entries, models, train, test, "made", (shot_features, peers))


# Simulated sums


def recover_terms(best_auc, n_frames, n_seeds=10):
    """Print how well the terms of simulated sums are found: correlation with the true weights, and match score.

    The last of the match scores weights each cell by how often it is seen: no model knows cells without frames.
    """
    terms = ["court", "defenders", ("player", "court", "defenders")]
    rows = []
    for seed in range(n_seeds):
        shots = make_shots(
            n_frames, n_players=10, n_components=3, best_auc=best_auc, terms=terms, dtype=np.float32, random_state=seed
        )
        player, court, box = shots.modes
        X = ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))]).fit_transform(shots.data)
        model, seconds = timed(MRTLClassifier(terms=terms, random_state=0).fit, X, shots.target)
        maps = [
            np.corrcoef(model.terms_[name].coef.ravel(), shots.terms[name][name].ravel())[0, 1] for name in terms[:2]
        ]
        product = select_term(model, "player x court x defenders")
        match = factor_match_score(product, shots.factors)
        seen = factor_match_score(*(weighted(factors, X) for factors in (product.factors_, shots.factors)))
        rows.append((seed, *(f"{value:.3f}" for value in (*maps, match, seen)), product.rank_, f"{seconds:.1f}"))
    head = ["seed", *terms[:2], "match", "match where frames are", "rank", "fit s"]
    table(f"Simulated sums, {n_frames} frames, AUC {best_auc}", head, rows)


def weighted(factors, X):
    """Return factors times the roots of how often each category or cell is seen, so that cosines are weighted by it."""
    sizes = np.cumsum([factor[..., 0].size for factor in factors.values()])
    seen = np.split(np.asarray(X.sum(0)).ravel(), sizes[:-1])
    return {
        name: factor * np.sqrt(of_mode).reshape(*factor.shape[:-1], 1)
        for (name, factor), of_mode in zip(factors.items(), seen, strict=True)
    }


# Tracking frames


def frames():
    """Frames with the handler's distance and angle about the rim, and those of the defenders about the handler."""
    table = pd.read_parquet(require("tracking/handler_frames.parquet"))
    dx, dy = table.x - RIM[0], table.y - RIM[1]
    polar = {"distance": np.hypot(dx, dy).clip(upper=41.9), "angle": np.degrees(np.arctan2(dy, dx))}
    towards = np.arctan2(-dy, -dx)
    for k in range(1, 6):
        away_x, away_y = table[f"defender_{k}_x"] - table.x, table[f"defender_{k}_y"] - table.y
        polar[f"near_{k}"] = np.hypot(away_x, away_y)
        polar[f"side_{k}"] = (np.degrees(np.arctan2(away_y, away_x) - towards) + 180) % 360 - 180
    return pd.concat([table, pd.DataFrame(polar)], axis=1)


def frame_features(table):
    """Place, distance, player, and the three nearest defenders."""
    near = table[[f"near_{k}" for k in range(1, 6)]].to_numpy()
    side = table[[f"side_{k}" for k in range(1, 6)]].to_numpy()
    order = np.argsort(near, 1)[:, :3]
    player = pd.Categorical(table.player).codes
    take = np.take_along_axis
    return np.column_stack([table.x, table.y, table.distance, player, take(near, order, 1), take(side, order, 1)])


def compare_frames():
    data = frames()
    data["player"] = data.player.astype("category")
    train, test = data[data.game <= 6], data[data.game > 6]
    court = Grid("court", (20, 8), bounds=[(0, 42), (-180, 180)], periodic=(False, True))
    around = Grid("defenders", (8, 8), bounds=[(0, 8), (-180, 180)], periodic=(False, True))
    defenders = [f"{what}_{k}" for k in range(1, 6) for what in ("near", "side")]
    entries = [("player", "player"), (court, ["distance", "angle"]), (around, defenders)]
    models = {
        "one product, terms=None": {"terms": None},
        "player + court + defenders": {"terms": ["player", "court", "defenders"]},
        "the same + court x defenders": {"terms": ["player", "court", "defenders", ("court", "defenders")]},
        'terms="auto"': {},
    }
    peers = {
        "boosting, defaults": boosting(),
        "boosting, 150 small trees": boosting(
            max_iter=150, learning_rate=0.03, max_leaf_nodes=8, min_samples_leaf=100
        ),
    }  # fmt: skip
    compare("Tracking frames", entries, models, train, test, "shoots", (frame_features, peers), groups=train.game)


if __name__ == "__main__":
    compare_frames()
    compare_shots(load_shots())
    for n_frames in (100_000, 300_000):
        for best_auc in (0.81, 0.9):
            recover_terms(best_auc, n_frames)
