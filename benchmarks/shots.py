"""Real shots: made or missed, from the player and the place. Ours beside gradient boosting, in turns."""

import numpy as np
import pandas as pd
from _common import require, table, timed
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

from sklearn_mrtl import Feature, Grid, MRTLClassifier
from sklearn_mrtl.preprocessing import ModeEncoder

COURT = Grid("court", (100, 94), bounds=[(-25, 25), (0, 47)])
MODES = Feature("player"), COURT
N_TURNS = 3


def load():
    columns = ["season", "player_id", "x", "y", "made"]
    shots = pd.read_parquet(require("shots/shots_2004_2013.parquet"), columns=columns).query("y < 47")
    return shots[shots.season <= 2011], shots[shots.season >= 2012]


def boosting_features(shots, codes):
    player = shots.player_id.map(codes).fillna(-1)
    return np.column_stack([shots.x, shots.y, np.hypot(shots.x, shots.y - 5.25), player])


def encoder():
    """Shots to a row of MODES each."""
    player, court = MODES
    return ModeEncoder([(player, "player_id"), (court, ["x", "y"])], handle_unknown="ignore", dtype=np.float32)


def main():
    train, test = load()
    encode = encoder()
    X_train, encoding_seconds = timed(encode.fit_transform, train)
    X_test = encode.transform(test)
    codes = {player: code for code, player in enumerate(train.player_id.unique())}
    peer_train, peer_test = boosting_features(train, codes), boosting_features(test, codes)

    rows = []
    for _ in range(N_TURNS):
        ours, seconds = timed(MRTLClassifier(MODES).fit, X_train, train.made)
        rows.append(score("MRTLClassifier, 100 x 94", test.made, ours.predict_proba(X_test)[:, 1], seconds))
        peer, peer_seconds = timed(
            HistGradientBoostingClassifier(max_iter=200, early_stopping=False).fit, peer_train, train.made
        )
        rows.append(score("HistGradientBoosting(200)", test.made, peer.predict_proba(peer_test)[:, 1], peer_seconds))
    table(f"Real shots, {len(train)} to 2011, {len(test)} after", ["model", "log loss", "AUC", "fit s"], rows)
    ratios = [float(b[3]) / float(a[3]) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    print(f"MRTL is faster by {np.median(ratios):.1f} (median of {N_TURNS}); encoding takes {encoding_seconds:.1f} s")


def score(name, y, chance, seconds):
    return name, f"{log_loss(y, chance):.5f}", f"{roc_auc_score(y, chance):.4f}", f"{seconds:.2f}"


if __name__ == "__main__":
    main()
