"""Scores of a classifier or regressor on a task: loss, and F1 with the threshold chosen on validation rows."""

import numpy as np
from sklearn.metrics import f1_score, precision_recall_curve


def scores(task, predict):
    """Numbers of test rows; `predict(X)` gives probabilities of the positive class, or values."""
    y, prediction = task.y["test"], predict(task.X["test"])
    if not task.is_classification:
        errors = np.square(y - prediction)
        return {"loss": float(errors.mean()), "r2": float(1 - errors.sum() / np.square(y - y.mean()).sum())}
    threshold = best_threshold(task.y["validation"], predict(task.X["validation"]))
    return {
        "loss": weighted_log_loss(task, y, prediction),
        "f1": float(f1_score(y, prediction >= threshold)),
        "threshold": threshold,
    }


def validation_loss(task, predict):
    """What choices are made by."""
    y, prediction = task.y["validation"], predict(task.X["validation"])
    if task.is_classification:
        return weighted_log_loss(task, y, prediction)
    return float(np.square(y - prediction).mean())


def weighted_log_loss(task, y, probability):
    """Eq. (8), with class weights of the training rows, so that both classes count half there."""
    rate = task.y["train"].mean()
    p = np.clip(probability.astype(float), 1e-7, 1 - 1e-7)
    return float(np.average(-np.where(y, np.log(p), np.log1p(-p)), weights=np.where(y, 0.5 / rate, 0.5 / (1 - rate))))


def best_threshold(y, probability):
    """The one with the largest F1."""
    precision, recall, thresholds = precision_recall_curve(y, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])
