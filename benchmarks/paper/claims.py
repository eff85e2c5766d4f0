"""The paper's claims, each with our figure and a verdict. The figures are of the trials of the other pages."""

import matplotlib.pyplot as plt
import numpy as np
from comparisons import TASKS, column, load, more, more_loss, times
from trials import PAGES, TITLES, markdown, plain_ticks, read_trials, write_page
from verdicts import CONFIRMED, REFUTED, Check, Claim
from versions import made_at

PROTOCOLS = {
    "precipitation": "with a gap",
    "precipitation without gap": "without gap",
    "precipitation, lags 0 to 5": "with the current month",
    "precipitation, lags 0 to 5, temperature since 1895": "with the current month and years since 1895",
}
TOLERANCE = 1.0  # per cent of the loss: less is "the same"
FRAMES = {"tracking": "frames"}
LEARNED = {task: name for task, name in TASKS.items() if task != "precipitation"}
UNLEARNED = (
    "Precipitation of the months before alone is left out, as no method predicts it: its losses are all those of "
    "climatology. On real shots the best model explains two per cent of a constant's loss, so that one per cent is "
    "half of it."
)
ALONE = "The full-rank phase alone has the setting that was best at its end, and at most 30 epochs a level."
IDLE = "No method predicts precipitation of the months before, so that its times say when nothing is found any more."
FASTER, SAME_LOSS = "MRTL is faster at all", "... at the same loss"
GRIDS = {"table1": "", "finest": ", grids of appendix B"}  # pages of Table 1, and what is added to the names of parts
START = "the full-rank start is critical, even from coarse to fine"
FINEST = "a random start on the finest grids alone is worse than MRTL"
SAME = f"at most {TOLERANCE:g}"
SAME_F1 = 0.02  # the paper's .494 and .475 are "a similar F1 score"
WORSE = f"above {TOLERANCE:g}"


GIVEN = "default, penalties given"


def speed(low):
    """Checks of how many times as fast MRTL is, part by part."""
    adam = "Adam: fixed", "Adam: MRTL"
    parts = {
        "Adam, full-rank phase": ([f"{name}, full rank" for name in adam], "cpu"),
        "Adam, low-rank phase": (adam, "cpu_low_rank"),
        "Adam, both phases": (adam, "cpu"),
        GIVEN: (("default: fixed", "default: MRTL, penalties given"), "cpu"),
        "default, penalties chosen": (("default: fixed, penalties chosen", "default: MRTL"), "cpu"),
    }
    return [
        check
        for page, grids in GRIDS.items()
        for part, (pair, value) in parts.items()
        for check in times(page, *pair, value, part=part + grids, low=low)
    ]


def losses(worse, better, **options):
    """Checks, of both solvers and all grids, by how many per cent the loss of one kind is above that of another."""
    return [
        check
        for page, grids in GRIDS.items()
        for solver in ("Adam", "default")
        for check in more_loss(
            page, f"{solver}: {worse}", f"{solver}: {better}", part=solver + grids, tasks=LEARNED, **options
        )
    ]


def maps(start):
    """Checks on simulated data: by how much the paper's start finds the true factors better than another."""
    trials, best = load("maps"), "full rank, coarse to fine: match"
    return [
        Check("", task, (mine[best] - mine[f"{start}: match"]).to_numpy(), low=0.0, splits="own")
        for task, mine in trials.groupby("task", sort=False) if task.startswith("simulated")
    ]  # fmt: skip


def of_gradients(check, value, sign):
    """Checks of the three criteria of gradients against the validation loss, on both tasks."""
    rules = ["gradient norm", "gradient variance", "gradient entropy"]
    pairs = [((rule, "validation loss")[::sign], rule) for rule in rules]
    return [c for pair, rule in pairs for c in check("criteria", *pair, value=value, part=rule)]


def exact(value, **options):
    """The check of a number without chance."""
    return [Check("", "one simulated problem", np.array([value]), splits="none", **options)]


def claims_of_section_6():
    adam = "Adam: MRTL, full rank", "Adam: fixed, full rank"
    return [
        Claim("MRTL is 4 to 5 times faster: at least 4 times", "time of fixed / MRTL, above 4", speed(4.0), IDLE),
        Claim(FASTER, "time of fixed / MRTL, above 1", speed(1.0), IDLE),
        Claim(
            SAME_LOSS,
            f"test loss, MRTL above fixed in per cent, {SAME}",
            losses("MRTL", "fixed", high=TOLERANCE),
            UNLEARNED,
        ),
        Claim(
            "at full rank the coarse grids lose nothing",
            f"test loss after the full-rank phase, MRTL above fixed in per cent, {SAME}",
            more_loss("table1", *adam, tasks=LEARNED, high=TOLERANCE),
            f"{ALONE} {UNLEARNED}",
        ),
        Claim(
            "at full rank the fixed model has the higher F1, on its finer grid",
            "F1 of fixed - MRTL at full rank, above 0",
            more("table1", "f1", *adam[::-1], tasks=FRAMES, low=0.0),
            ALONE + " Look at its loss in Table 1 as well: a constant has .693.",
        ),
        Claim(
            "the low rank loses F1 against the full rank",
            "F1 of low rank - full rank, below 0",
            more("table1", "f1", "Adam: MRTL", adam[0], part="MRTL", tasks=FRAMES, high=0.0)
            + more("table1", "f1", "Adam: fixed", adam[1], part="fixed", tasks=FRAMES, high=0.0),
            ALONE + " The paper's six million frames feed a full-rank tensor better than these 9 000.",
        ),
        Claim(
            "at low rank both take about as long",
            "time of fixed / MRTL, low-rank phase with Adam, between 1/2 and 2",
            [
                check
                for page, grids in GRIDS.items()
                for check in times(
                    page, "Adam: fixed", "Adam: MRTL", "cpu_low_rank", part=f"Adam{grids}", low=0.5, high=2.0
                )
            ],
            "Within a factor of two is our reading of the paper's \"comparable\".",
        ),
        Claim(
            "... and reach a similar F1",
            f"F1 of MRTL - fixed after both phases, between -{SAME_F1:g} and {SAME_F1:g}",
            [
                check
                for page, grids in GRIDS.items()
                for check in more(
                    page, "f1", "Adam: MRTL", "Adam: fixed",
                    part=f"Adam{grids}", tasks=FRAMES, low=-SAME_F1, high=SAME_F1,
                )
            ],
        ),
        Claim(
            START,
            f"test loss, random start from coarse to fine above MRTL in per cent, {WORSE}",
            losses("random start, coarse to fine", "MRTL", low=TOLERANCE),
            UNLEARNED,
        ),
        Claim(
            FINEST,
            f"test loss, random start on the finest grids above MRTL in per cent, {WORSE}",
            losses("random start, fixed", "MRTL", low=TOLERANCE),
            UNLEARNED,
        ),
        Claim(
            "a full-rank start finds truer maps than random factors, both from coarse to fine",
            "match score with the true factors, full-rank start - random factors, above 0",
            maps("random, coarse to fine"),
            "The [maps](maps.md) themselves, and those of real data, have a page of their own.",
        ),
        Claim(
            "... and than random factors on the finest grids alone",
            "match score with the true factors, the paper's start - random factors on the finest grids, above 0",
            maps("random, finest grids only"),
        ),
    ]  # fmt: skip


def claims_of_criteria():
    return [
        Claim(
            "the validation loss is the fastest criterion at full rank",
            "time of the full-rank phase, criterion of gradients / validation loss, above 1",
            of_gradients(times, "cpu_full", 1),
        ),
        Claim(
            "criteria of gradients are faster at low rank",
            "time of the low-rank phase, validation loss / criterion of gradients, above 1",
            of_gradients(times, "cpu_low_rank", -1),
        ),
        Claim(
            "all criteria end at a similar score",
            "test loss, criterion of gradients above validation loss in per cent, between -1 and 1",
            of_gradients(lambda *a, **k: more_loss(*a, low=-TOLERANCE, high=TOLERANCE, **k), "loss", 1),
        ),
        Claim(
            "(not the paper's) the package's own rule is faster than the validation loss",
            "time of both phases, validation loss / explained, above 1",
            times("criteria", "validation loss", "explained"),
        ),
        Claim(
            "... at the same score",
            f"test loss, explained above validation loss in per cent, {SAME}",
            more_loss("criteria", "explained", "validation loss", high=TOLERANCE),
        ),
    ]


def other_claims():
    theory = load("theory")
    batches = [name for name in dict.fromkeys(load("batches").method) if name.startswith("from")]
    best = "1024 at all levels"
    return [
        Claim("Theorem 5.3: the error stays below the bound", "fraction of the steps at which it does, 1",
              exact(float(theory.holds.mean()), low=1.0)),
        Claim("Theorem 5.5: the cost of fixed training grows with log(1/((1 - gamma) epsilon))",
              "what the ratio of costs rises by for each unit of the logarithm, above 0",
              exact(theory.slope[0], low=0.0)),
        Claim("... and is that many times as large", "ratio of costs / logarithm on the finest grid, .5 to 2",
              exact(float((theory.cost_ratio / theory.log_factor).iloc[-1]), low=0.5, high=2.0),
              "The theorem leaves a constant open; within a factor of two is our reading."),
        Claim("SSS and SST of the last six months predict Midwest precipitation",
              "R^2 of the model - that of climatology, above 0",
              more("protocol", "r2", "MRTLRegressor()", "climatology", tasks=PROTOCOLS, low=0.0),
              "Here sea surface temperature and height; since 1895 temperature alone."),
        Claim("future work: batch sizes that vary between resolutions are faster than one size",
              f'time of "{best}" / varied batches, above 1',
              [c for name in batches for c in times("batches", best, name, part=name)]),
        Claim("... or end at a smaller loss", f'test loss, varied batches above "{best}" in per cent, below 0',
              [c for name in batches for c in more_loss("batches", name, best, part=name, high=0.0)]),
    ]  # fmt: skip


def all_claims():
    return [*claims_of_section_6(), *claims_of_criteria(), *other_claims()]


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
    first, *others = [f"{ratio} times as long as from coarse to fine on {task}" for task, ratio in ours.items()]
    others = [words.replace(" as long as from coarse to fine", "") for words in others]
    n, verdicts = len(same.checks), [check.verdict() for check in same.checks]
    n_same, n_other = verdicts.count(CONFIRMED), verdicts.count(REFUTED)
    n_finest, n_start = ([check.verdict() for check in claim.checks].count(CONFIRMED) for claim in (finest, start))
    return (
        f"On the paper's grids, training on the finest ones alone takes {', '.join([first, *others])} "
        f"(with the paper's optimizer {', '.join(f'{ratio} on {task}' for task, ratio in adam.items())}); the loss "
        f"from coarse to fine is at most {TOLERANCE:g} % larger in {n_same} of {n} comparisons, more in "
        f"{n_other or 'none'}, and in the others it cannot be told. On the finest grids alone random factors end at a "
        f"loss more than {TOLERANCE:g} % above that of the full-rank start in {n_finest} of {len(finest.checks)} "
        f"comparisons; from coarse to fine they do in {n_start or 'none'} of {len(start.checks)}."
    )


def ratios(claim, part):
    """Means of the checks of a part, by task."""
    return {check.task: check.in_figures(digits=2).split()[0] for check in claim.checks if check.part == part}


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
        "## All claims",
        markdown([["claim", "verdict"], *rows]),
        *map(section, claims),
        "## Where the figures come from",
        sources(),
    ]
    write_page("claims", "The paper's claims", "\n\n".join(text), figures=[("verdict", figure(load("finest")))])


if __name__ == "__main__":
    main()
