"""The page of `beyond`: scores, differences from ours, seconds, and which methods are on the front of both."""

from dataclasses import dataclass
from functools import cached_property

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from trials import markdown, plain_ticks, succeeded

COLORS = {"ours": "tab:red", "linear": "tab:blue", "other": "tab:gray"}
WITHOUT_FEATURES = ["constant", "climatology"]
BAR = 1.0  # per cent that ours may be behind the best linear method


@dataclass(frozen=True)
class Result:
    """A task, its trials, and who is missing, with the reason."""

    task: object
    trials: pd.DataFrame
    missing: dict

    @property
    def is_class(self):
        return self.task.is_class

    @cached_property
    def failed(self):
        """Names and errors."""
        rows = self.trials[self.trials.error.notna()] if "error" in self.trials else self.trials[:0]
        return [f"{row.method}: {row.error}" for row in rows.itertuples()]

    @cached_property
    def table(self):
        """A row a method: score, by how much it is better than ours, with a standard error; sorted by score."""
        trials, rows = succeeded(self.trials).sort_values("seed", kind="stable"), []
        own = trials[(trials.kind == "ours") & (trials.step == 1)]
        for method, group in trials.groupby("method", sort=False):
            unit = 1.0 if self.is_class else group.variance.mean()
            gains = (np.concatenate(list(own.losses)) - np.concatenate(list(group.losses))) / unit
            rows.append({
                "method": method, "kind": group.kind.iloc[0], "step": group.step.iloc[0],
                "score": group.loss.mean() if self.is_class else 1 - group.loss.mean() / unit,
                "auc": group.auc.mean() if self.is_class else np.nan,
                "gain": gains.mean(), "std": gains.std() / np.sqrt(len(gains)), "cpu": group.cpu.mean(),
                "setting": "; ".join(dict.fromkeys(group.setting.fillna("").astype(str))),
            })  # fmt: skip
        table = pd.DataFrame(rows).sort_values("gain", ascending=False, kind="stable")
        return table.assign(at_front=on_front(table.gain, table.cpu)).reset_index(drop=True)

    @cached_property
    def whole(self):
        """The methods that are fitted to all rows; the front of these."""
        table = self.table[self.table.step == 1]
        return table.assign(at_front=on_front(table.gain, table.cpu))

    @property
    def own(self):
        return self.first("ours")

    @property
    def linear(self):
        return self.first("linear")

    @property
    def best(self):
        """The best method that is not ours."""
        return self.first("linear", "other")

    def first(self, *kinds):
        return self.whole[self.whole.kind.isin(kinds)].iloc[0]

    @property
    def behind(self):
        """By how many per cent of its score ours is worse than the best linear method; below 0: better."""
        return 100 * self.linear.gain / abs(self.linear.score)


def on_front(gain, cpu):
    """Whether no other method has at least the score in less time."""
    gain, cpu = np.asarray(gain), np.asarray(cpu)
    return np.array([not np.any((gain >= g) & (cpu < c)) for g, c in zip(gain, cpu, strict=True)])


# Words


def in_short(results):
    """The sentence of the README."""
    n_best, n_front = sum(r.best.gain <= 0 for r in results), sum(bool(r.own.at_front) for r in results)
    n_near, n_beaten = sum(r.behind <= BAR for r in results), sum(r.best.gain > r.best["std"] for r in results)
    return (
        f"Beside other packages, tuned on the same data, it has the best score on {n_best} of {len(results)} tasks; "
        f"on {n_front} no method is at least as good in less time, on {n_near} the best linear method is at most "
        f"{BAR:g} % better, and on {n_beaten or 'none'} a method is better by more than the standard error of the "
        f"difference."
    )


def overview(results):
    """A row for each task."""
    lines = [["task", "score", "ours", "CPU s", "on the front", "best linear method", "its score", "ours is",
              "best other method", "its score", "its CPU s"]]  # fmt: skip
    for r in results:
        lines.append([
            r.task.title, r.task.score, f"{r.own.score:.4f}", f"{r.own.cpu:.1f}", "yes" if r.own.at_front else "no",
            r.linear.method, f"{r.linear.score:.4f}", f"{abs(r.behind):.1f} % {'worse' if r.behind > 0 else 'better'}",
            r.best.method, f"{r.best.score:.4f}", f"{r.best.cpu:.1f}",
        ])  # fmt: skip
    return markdown(lines)


def verdict(result):
    """In sentences: is ours on the front, how far from the best linear method, and which methods are better."""
    own, linear, others = result.own, result.linear, result.whole[result.whole.kind != "ours"]
    better = [
        f"{r.method} by {r.gain:.4f}, {'less' if r.gain < r.std else 'more'} than the standard error of the "
        f"difference, {r.std:.4f}"
        for r in others[others.gain > 0].itertuples()
    ]
    close = others.method[(others.gain <= 0) & (others.gain > -others["std"])]
    text = f"Ours has {own.score:.4f}, the best linear method ({linear.method}) {linear.score:.4f}. "
    text += f"Better than ours: {'; '.join(better)}. " if better else "No other method is better. "
    text += f"Worse than ours by less than the standard error: {'; '.join(close)}. " if len(close) else ""
    return text + f"Ours is {'' if own.at_front else 'not '}on the front."


def section(result):
    """Note, verdict and table of a task, failures, and who is missing."""
    task, digits = result.task, 4 if result.is_class else 3
    head = ["method", task.score, "AUC", "better (+) or worse than ours", "CPU s", "front", "setting"]
    rows = [
        [r.method, f"{round(r.score, digits) + 0.0:.{digits}f}", f"{r.auc:.3f}", difference(r), f"{r.cpu:.1f}",
         "yes" if r.at_front else "", r.setting]
        for r in result.table.itertuples()
    ]  # fmt: skip
    if not result.is_class:
        head, *rows = ([*row[:2], *row[3:]] for row in [head, *rows])
    lines = [f"## {task.title}", task.note, verdict(result), markdown([head, *rows])]
    lines += [f"Failed: {'; '.join(result.failed)}."] * bool(result.failed)
    missing = "; ".join(f"{name} ({why})" for name, why in result.missing.items())
    lines += [f"Not in the table: {missing}."] * bool(missing)
    return "\n\n".join(lines)


def difference(row):
    if row.kind == "ours" and row.step == 1:
        return ""
    return f"{row.gain:+.4f} ± {row.std:.4f}"


def picture(result):
    """Score against seconds; the front as a line of steps."""
    figure, axes = plt.subplots(figsize=(9.5, 4.8), layout="constrained")
    shown = result.table[~result.table.method.isin(WITHOUT_FEATURES)]
    for kind, color in COLORS.items():
        some = shown[shown.kind == kind]
        axes.scatter(some.cpu, some.score, color=color, label=kind, zorder=3)
        axes.errorbar(some.cpu, some.score, some["std"], color=color, fmt="none", elinewidth=0.7)
    line = shown[shown.at_front].sort_values("cpu")
    seconds = [*line.cpu, shown.cpu.max()]
    axes.step(seconds, [*line.score, line.score.iloc[-1]], "0.7", where="post", lw=1, zorder=1, label="front")
    for n, (row, is_below) in enumerate(zip(shown.itertuples(), near_earlier(shown), strict=True), 1):
        offset = (-9, -12) if is_below else (4, 4)
        axes.annotate(n, (row.cpu, row.score), xytext=offset, textcoords="offset points", fontsize=9)
        axes.plot([], [], " ", label=f"{n}  {row.method}")
    ylabel = f"test {result.task.score}" + " (axis inverted: up is better)" * result.is_class
    axes.set(xscale="log", xlabel="CPU seconds, search included", ylabel=ylabel, title=result.task.title)
    axes.margins(0.08)
    plain_ticks(axes.xaxis)
    if result.is_class:
        axes.invert_yaxis()
    figure.legend(loc="outside right upper", fontsize=8, handlelength=1)
    return f"beyond_{result.task.name}", figure


def near_earlier(shown):
    """Whether a point lies beside one of the earlier rows, so that their numbers would cover each other."""
    x, y = np.log(shown.cpu.to_numpy()), shown.score.to_numpy()
    x, y = x / max(np.ptp(x), 1e-9), y / max(np.ptp(y), 1e-9)
    return [bool(np.any((abs(x[:n] - x[n]) < 0.05) & (abs(y[:n] - y[n]) < 0.06))) for n in range(len(x))]


TEXT = """Each method is fitted to the same training rows and tested on the same later or left-out rows; test rows take
part in no choice of a fit. Ours has its defaults, untouched, and one random state. These defaults were developed on the
same data, though, and one rule was decided after test figures of the frames had been seen
([benchmarks](../benchmarks.md)), an advantage that the others do not have. The others choose their settings on left-out
blocks (or games) of the training rows, nearly all of them among 12 settings. What differs from that:

* On real shots settings are chosen on a tenth of the rows, of which the last two seasons are left out once. The chosen
  setting is fitted to all rows, but that of pyGAM to one in a hundred, on which it is also chosen: its matrices are
  dense, with a column for each of 1000 players. A row of ours on the same rows stands beside it.
* Boosting of frames and shots often chose the smallest of the rates, trees and numbers of rounds that were offered: a
  wider search might find better settings.
* himalaya tries 12 proportions of the lags, drawn at random, with 12 strengths each.
* SpaceNet has 2 proportions with 6 strengths each, and at most 100 iterations.
* CCA chooses on the last two of the four blocks, the CNN on the last one. So do tensorly's methods on the simulated
  field, where CPRegressor chooses after 5 iterations.
* FREM's predictions are as many times too large as a cluster has cells. They are rescaled by a line that is fitted to
  the training rows. Neither FREM nor SpaceNet tells its setting in the table.
* On the ocean ours has cells of 1 degree, ridge and EOF regression have means of 2 x 2 of them, which is what the data
  resolve, and methods with "4 degrees" means of 4 x 4.

Seconds are CPU seconds of one thread, the search included; another machine gives other seconds. Not counted: reading
the data, removing trend and seasonal cycle, and coarser cells. A method is on the front if no other has at least its
score in less time. Each task has one split, precipitation has five. The standard error of a difference is that of 20
consecutive parts of the test rows of each split; bars in the pictures are one standard error to each side, those of the
difference from ours, which therefore has none. Pictures leave out the constant and climatology.

What was not measured is named under its table. Packages: `benchmarks/paper/requirements.txt`."""


def page(results):
    """Text and pictures."""
    parts = [TEXT, "## All tasks", in_short(results), overview(results), *map(section, results)]
    return "\n\n".join(parts), [picture(result) for result in results]
