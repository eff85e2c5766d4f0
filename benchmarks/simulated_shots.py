"""Simulated shots with defenders: ours beside additive logistic regression, in turns. Best possible AUC about 0.81."""

import sys

import numpy as np
from _common import table, timed
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from sklearn_mrtl import MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.preprocessing import ModeEncoder


def encoder(modes):
    """Frames of make_shots to one row of encodings each."""
    player, court, box = modes
    return ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))], dtype=np.float32)


def main(n_frames=100_000):
    shots = make_shots(2 * n_frames, dtype=np.float32, random_state=0)
    encode = encoder(shots.modes)
    train, test = slice(n_frames), slice(n_frames, None)
    X_train, seconds = timed(encode.fit_transform, shots.data[train])
    X_test, y_train, y_test = encode.transform(shots.data[test]), shots.target[train], shots.target[test]
    print(f"encoding {n_frames} frames takes {seconds:.2f} s")

    rows = []
    ours, seconds = timed(MRTLClassifier(shots.modes).fit, X_train, y_train)
    rows.append(score("MRTLClassifier()", y_test, ours.predict_proba(X_test)[:, 1], seconds))
    ours, seconds = timed(MRTLClassifier(shots.modes, rank=6).fit, X_train, y_train)
    rows.append(score("MRTLClassifier(rank=6)", y_test, ours.predict_proba(X_test)[:, 1], seconds))
    peer, seconds = timed(LogisticRegression(C=1.0, max_iter=200).fit, X_train, y_train)
    rows.append(score("LogisticRegression, additive", y_test, peer.predict_proba(X_test)[:, 1], seconds))
    rows.append(score("true probabilities (upper bound)", y_test, expit(shots.logit[test]), float("nan")))
    title = f"Simulated shots, {n_frames} frames, 50 players, court 40 x 50, box 12 x 12, 6 components"
    table(title, ["model", "log loss", "AUC", "fit s"], rows)


def score(name, y, chance, seconds):
    return name, f"{log_loss(y, chance):.4f}", f"{roc_auc_score(y, chance):.4f}", f"{seconds:.2f}"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
