"""The paper's claims, each with our figure and a verdict. The figures are of the trials of the other pages."""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from claims_list import FASTER, FINEST, GIVEN, GRIDS, LEARNED, SAME_LOSS, START, TOLERANCE, all_claims
from comparisons import TASKS, column, load
from data import CURRENT
from maps import STARTS
from trials import PAGES, TITLES, markdown, plain_ticks, read_trials, write_page
from verdicts import CONFIRMED, REFUTED
from versions import made_at


def figure(trials):
    """Loss over time of each way to train, mean over the seeds."""
    kinds = {"MRTL": "o", "fixed": "s", "random start, coarse to fine": "^", "random start, fixed": "X"}
    fig, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    for ax, task in zip(axes, ("tracking", "nino34"), strict=True):
        for solver, colour in (("Adam", "tab:orange"), ("default", "tab:blue")):
            for kind, marker in kinds.items():
                name, label = (
                    f"{solver}: {kind}",
                    f"{kind}, {solver}" + " solver, penalties given" * (solver == "default"),
                )
                name += ", penalties given" * (name == "default: MRTL")
                cpu, loss = (column(trials, task, name, value) for value in ("cpu", "loss"))
                style = {"color": colour, "marker": marker, "ms": 8, "capsize": 2, "ls": "", "label": label}
                ax.errorbar(cpu.mean(), loss.mean(), loss.std(), **style)
        ax.set(xscale="log", xlabel="CPU seconds of a fit", ylabel="test loss, mean and standard deviation")
        ax.set_title(f"{TITLES[task]}\n(grids of appendix B)")
        plain_ticks(ax.xaxis)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return fig


TEXT = """Every claim of the paper beside what was measured here. [Table 1](table1.md), [its finest grids](finest.md),
[Table 2](table2.md), [criteria](criteria.md), [maps](maps.md), [theory](theory.md), [protocol](protocol.md) and
[batches](batches.md) have the numbers and say what the rows are: "fixed" trains on the finest grids only, "Adam" is the
paper's optimizer with the settings of a search, "default" the package's solver.

Verdicts are computed. Each claim is written as a range of a figure, such as "time of fixed / MRTL, above 1". The figure
is taken seed by seed; beside its mean (of ratios, the geometric one) is a 95 % interval of this mean. A claim is
**confirmed** if the whole interval lies in the range, **not confirmed** if none of it does, and **cannot be told** with
so many seeds if an end of the range lies within. Seeds draw splits of the same rows, so that the intervals are those of
Nadeau and Bengio (2003), about twice as wide as if all seeds had new rows; those of simulated data are the usual ones.
With so many comparisons one in twenty may be wrong by chance. "The same loss" allows one hundredth of the loss.

Data and numbers of epochs are smaller than the paper's: 14 700 frames instead of six million. So are most grids, courts
of 20 x 25 and oceans of 20 x 45 cells, where coarse grids save least; "grids of appendix B" are the paper's own, courts
of 40 x 50 and oceans of 80 x 180 ([finest](finest.md)). All of it ran on one busy thread."""


def in_short(claims):
    """Two sentences of the README: what the comparisons say, in their figures."""
    by_title = {claim.title: claim for claim in claims}
    speed_claim, same, start, finest = (by_title[title] for title in (FASTER, SAME_LOSS, START, FINEST))
    ours, adam = (ratios(speed_claim, part + GRIDS["finest"]) for part in (GIVEN, "Adam, both phases"))
    n_same, n_start, n_finest = (Counter(c.verdict() for c in claim.checks) for claim in (same, start, finest))
    return (
        f"Training from coarse to fine is {listed([f'{ratio} ({task})' for task, ratio in ours.items()])} times as "
        f"fast as on the finest grids alone, with the paper's optimizer {listed(adam.values())} times; its loss is at "
        f"most {TOLERANCE:g} % larger in {n_same[CONFIRMED]} of {len(same.checks)} comparisons and beyond doubt larger "
        f"in {n_same[REFUTED] or 'none'}. Random factors end at a loss more than {TOLERANCE:g} % above that of the "
        f"full-rank start in {n_finest[CONFIRMED]} of {len(finest.checks)} comparisons on the finest grids alone, and "
        f"in {n_start[CONFIRMED] or 'none'} from coarse to fine."
    )


def listed(words):
    """a, b and c."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def ratios(claim, part):
    """Means of the checks of a part, by task."""
    return {check.task: check.in_figures(digits=2).split()[0] for check in claim.checks if check.part == part}


def start_or_grids():
    """A row for each figure, a column for each of the four starts: what is critical?"""
    kinds = ["MRTL", "fixed", "random start, coarse to fine", "random start, fixed"]
    lines = [["", *STARTS]]
    for page, task in [("finest", "tracking"), ("finest", "nino34"), ("table1", CURRENT), ("table1", "shots")]:
        for solver in ("Adam", "default"):
            losses = [column(load(page), task, f"{solver}: {kind}", "loss") for kind in kinds]
            if losses[0].empty or task not in LEARNED[solver]:
                continue
            above = [f"{100 * (loss / losses[0] - 1).mean():+.1f} %" for loss in losses[1:]]
            lines.append([f"test loss above the first, {TASKS[task]}, {solver}", "", *above])
    trials = load("maps").groupby("task", sort=False)
    for task, value, words in MAP_FIGURES:
        mean = trials.get_group(task).mean(numeric_only=True)
        found = [mean.get(f"{start}: {value}", np.nan) for start in STARTS]
        lines.append([f"{words}, {task}", *("" if np.isnan(number) else f"{number:.2f}" for number in found)])
    return markdown(lines)


MAP_FIGURES = [
    ("simulated shots", "match", "match with the true factors"),
    ("simulated fields", "match", "match with the true factors"),
    ("tracking frames", "moran", "Moran's I of the maps"),
    ("tracking frames", "match", "match of ten seeds with the first"),
    ("precipitation", "match", "match of ten seeds with the first"),
]
CRITICAL = """Is it the full-rank start that is critical, or the coarse grids? Both were taken away, one at a time and
together; "finest grids only" is what Table 1 calls "fixed". All figures are means over the seeds.

For the loss the coarse grids are critical, not the start: with them random factors are as good as the full-rank start.
For the maps of encodings (shots, frames) the start is critical as well: random factors find the true ones in fewer
seeds, and on real frames other ones with each seed. Fields that the package's solver trains need neither for their
loss, but on precipitation random factors find other maps with each seed, too."""


def section(claim):
    """The claim, its verdict, and a table of its comparisons."""
    lines = [
        f"## {claim.title}",
        f"{claim.figure}: **{claim.verdict()}**. {claim.note}".strip(),
        markdown(claim.table()),
    ]
    return "\n\n".join(lines)


def sources():
    """Trials, minutes and commits of all pages, and the minutes of all of them."""
    pages = {path.stem: read_trials(path) for path in sorted(PAGES.glob("*.csv"))}
    minutes = {page: trials.cpu.sum() / 60 for page, trials in pages.items()}
    rows = [[f"[{p}]({p}.md)", len(trials), f"{minutes[p]:.1f}", made_at(trials)] for p, trials in pages.items()]
    rows.append(["all", sum(map(len, pages.values())), f"{sum(minutes.values()):.0f}", ""])
    return markdown([["page", "trials", "minutes of one processor", "made"], *rows])


def main():
    try:
        claims = [claim for claim in all_claims() if claim.checks]
    except FileNotFoundError as missing:
        print(f"skipped: claims, {missing}")
        return
    rows = [[claim.title, claim.verdict()] for claim in claims]
    text = [
        TEXT,
        "## In short",
        in_short(claims),
        "## The start, or the coarse grids?",
        CRITICAL,
        start_or_grids(),
        "## All claims",
        markdown([["claim", "verdict"], *rows]),
        *map(section, claims),
        "## Where the figures come from",
        sources(),
    ]
    write_page("claims", "The paper's claims", "\n\n".join(text), figures=[("verdict", figure(load("finest")))])


if __name__ == "__main__":
    main()
