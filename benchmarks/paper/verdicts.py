"""Verdicts: a claim says in which range the mean of a figure lies; the interval of that mean decides.

Splits of different seeds share rows, so that the usual standard error of a mean over seeds is too small. That of
Nadeau and Bengio (2003) adds the ratio of test rows to training rows, a third here, to 1 / (number of seeds).
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import t as student

CONFIRMED, REFUTED, OPEN = "confirmed", "not confirmed", "cannot be told"
LEVEL = 0.95
TEST_TO_TRAIN = 20 / 60


@dataclass(frozen=True)
class Check:
    """Does the mean of `values`, one of each seed, lie between `low` and `high`?

    `part` and `task` name it. Of ratios the mean is geometric. `splits` says how seeds differ: "shared" draws splits
    of one data set, "own" draws data, "none" is one number without chance.
    """

    part: str
    task: str
    values: np.ndarray
    low: float = -np.inf
    high: float = np.inf
    is_ratio: bool = False
    splits: str = "shared"

    def interval(self) -> tuple[float, float, float]:
        """Mean and the ends of its 95 % interval, which has no bounds with one seed."""
        values = np.asarray(self.values, float)
        values = np.log(values) if self.is_ratio else values
        n, mean = len(values), values.mean()
        half = 0.0
        if self.splits != "none":
            scale = 1 / n + (TEST_TO_TRAIN if self.splits == "shared" else 0.0)
            error = np.sqrt(scale) * values.std(ddof=1) if n > 1 else np.inf
            half = student.ppf((1 + LEVEL) / 2, n - 1) * error if n > 1 else np.inf
        ends = np.array([mean, mean - half, mean + half])
        return tuple(map(float, np.exp(ends) if self.is_ratio else ends))

    def verdict(self) -> str:
        """Confirmed if the whole interval is in the range, not confirmed if none of it is, otherwise open."""
        _, lower, upper = self.interval()
        if self.low <= lower and upper <= self.high:
            return CONFIRMED
        return REFUTED if upper < self.low or lower > self.high else OPEN

    def in_figures(self, digits=3) -> str:
        """Mean and interval."""
        mean, lower, upper = self.interval()
        has_interval = self.splits != "none" and len(self.values) > 1
        mean, lower, upper = (f"{float(f'{value:.{digits}g}'):g}" for value in (mean, lower, upper))
        return mean + f" ({lower} to {upper})" * has_interval

    def in_words(self) -> str:
        """Mean, interval, number of seeds and verdict."""
        n = len(self.values)
        seeds = "" if self.splits == "none" else f", {n} seed{'s' * (n > 1)}"
        return f"{self.in_figures()}{seeds}: {self.verdict()}"


@dataclass(frozen=True)
class Claim:
    """A claim, what its figures are, and the comparisons that decide it; `note` says what a reader has to know."""

    title: str
    figure: str
    checks: list[Check] = field(default_factory=list)
    note: str = ""

    def verdict(self) -> str:
        """One word if all comparisons agree, otherwise which say what, or how many if there are more than four."""
        found = [check.verdict() for check in self.checks]
        numbers = Counter(found)
        if len(numbers) == 1:
            return found[0] + (f" with {seeds_of(self.checks)}" if found[0] == OPEN else "")
        if len(found) > 4:
            words = ", ".join(f"{word} in {numbers[word]}" for word in (CONFIRMED, REFUTED, OPEN) if word in numbers)
            return f"{words} of {len(found)} comparisons"
        groups = {word: [check for check in self.checks if check.verdict() == word] for word in numbers}
        return "; ".join(
            f"{word}{f' with {seeds_of(some)}' if word == OPEN else ''}: {names_of(some)}"
            for word in (CONFIRMED, REFUTED, OPEN) if (some := groups.get(word))
        )  # fmt: skip

    def table(self) -> list[list[str]]:
        """A row for each part, if there are several, and a column for each task."""
        tasks, parts = (list(dict.fromkeys(getattr(c, name) for c in self.checks)) for name in ("task", "part"))
        cells = {(check.part, check.task): check.in_words() for check in self.checks}
        rows = [["", *tasks], *([part, *(cells.get((part, task), "") for task in tasks)] for part in parts)]
        return rows if len(parts) > 1 else [row[1:] for row in rows]


def seeds_of(checks) -> str:
    numbers = sorted({len(check.values) for check in checks})
    return " or ".join(map(str, numbers)) + (" seed" if numbers == [1] else " seeds")


def names_of(checks) -> str:
    """The tasks, or the parts if there are several of them."""
    tasks, parts = ({getattr(check, name) for check in checks} for name in ("task", "part"))
    if parts == {""}:
        return ", ".join(check.task for check in checks)
    return ", ".join(f'"{check.part}"' + f" ({check.task})" * (len(tasks) > 1) for check in checks)
