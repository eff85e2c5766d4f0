"""Trials: what is measured once, kept, and written as a page with its table, command, machine and versions.

A trial is one method on one task with one seed; its result is a dict of plain numbers. Finished trials are kept in
`KEPT` and, once their page is written, in its CSV under `COMMITTED`; by all that was asked and the package's version.
They are not run again. Each has its commit and a hash of the package's training code, and pages say how many were made
before that code last changed. RENEW=1 runs these again. QUICK=1 runs few trials on thinned rows, to see that everything
works; its pages go to `build/paper`. SEEDS=3 runs the first three seeds of ten. KEPT_ONLY=1 measures nothing: pages are
of the trials that are kept.
"""

import hashlib
import json
import os
import sys
import time
import warnings
from dataclasses import dataclass, field
from functools import cache, partial

os.environ.setdefault("OMP_NUM_THREADS", "1")
import pandas as pd
import torch
from data import CURRENT, TASKS
from matplotlib.ticker import NullLocator
from versions import NO_TRAINING, ROOT, commit, machine, made_at, training_code

import sklearn_mrtl

torch.set_num_threads(1)
QUICK = os.environ.get("QUICK", "") not in ("", "0")
KEPT_ONLY = os.environ.get("KEPT_ONLY", "") not in ("", "0")
RENEW = os.environ.get("RENEW", "") not in ("", "0")
COMMITTED = ROOT / "docs/paper"
PAGES = ROOT / "build/paper" if QUICK else COMMITTED
KEPT = ROOT / "build/paper_trials"
TITLES = {
    "tracking": "tracking frames",
    "nino34": "Nino3.4, 3 months ahead",
    "precipitation": "Midwest precipitation",
    CURRENT: "precipitation, lags 0 to 5",
    "shots": "real shots",
}
SEEDS = range(1 if QUICK else int(os.environ.get("SEEDS", "10")))


@dataclass(frozen=True)
class Method:
    """measure(task, seed, **options) gives the numbers of a trial; options are plain, for they are part of its name.

    `trains` says whether it trains with this package, so that its result depends on the training code.
    """

    name: str
    measure: object
    options: dict = field(default_factory=dict)
    trains: bool = True


def run(table, tasks, methods, seeds=SEEDS, split=None):
    """All trials of a table as a DataFrame, methods in turns; what fails is a row with "error".

    `tasks` is {name: options of `data.TASKS[name]`}; a task whose data are not here is skipped, saying so. `methods` is
    a list, or a function methods(task's name, seed) that gives one. `split` is the seed of all splits; None: the
    trial's.
    """
    rows = []
    for seed in seeds:
        for task, options in tasks.items():
            load = cache(partial(TASKS[task], seed if split is None else split, **options))
            now = methods(task, seed) if callable(methods) else methods
            turn = seed % len(now)
            try:
                rows += [trial(table, task, options, method, seed, load) for method in [*now[turn:], *now[:turn]]]
            except FileNotFoundError as missing:
                print(f"skipped: {task}, {missing}")
    rows = [row for row in rows if row]
    names = [[row[name] for row in rows if row["seed"] == seeds[0]] for name in ("task", "method")]
    order = {pair: k for k, pair in enumerate(zip(*names, strict=True))}
    rows.sort(key=lambda row: (list(tasks).index(row["task"]), order.get((row["task"], row["method"]), 0)))
    return pd.DataFrame(rows)


def trial(table, task, task_options, method, seed, load):
    """The result of one trial, kept or measured now; None if it is not kept and KEPT_ONLY=1."""
    asked = dict(table=table, task=task, task_options=task_options, method=method.name, options=method.options)
    asked |= {"seed": seed, "version": sklearn_mrtl.__version__}
    name = hashlib.sha256(json.dumps(asked, sort_keys=True, default=repr).encode()).hexdigest()[:16]
    path = KEPT / table / f"{name}.json"
    code = training_code() if method.trains else NO_TRAINING
    kept = None if QUICK else kept_result(path, table, name)
    if KEPT_ONLY or (kept and not (RENEW and kept.get("code") != code)):
        return kept
    data, began, cpu = load(), time.perf_counter(), time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = method.measure(data, seed, **method.options)
    except Exception as failure:
        result = {"error": f"{type(failure).__name__}: {failure}"[:200]}
    result = {"task": task, "method": method.name, "seed": seed, **result}
    result.setdefault("seconds", time.perf_counter() - began)
    result.setdefault("cpu", time.process_time() - cpu)
    result |= {"commit": commit(), "code": code, "trial": name}
    numbers = {k: f"{v:.4g}" for k, v in result.items() if isinstance(v, float)}
    print(f"{table}: {task}, {method.name}, seed {seed}: {result.get('error', numbers)}", flush=True)
    if not QUICK:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"asked": asked, "result": result}, default=repr, indent=1))
    return result


def kept_result(path, table, name):
    """What a trial of this name gave here, or where the committed page was made; None if there was none."""
    return json.loads(path.read_text())["result"] if path.exists() else committed(table).get(name)


def read_trials(path):
    """The CSV of a page. Hexadecimal names stay text: 995e224 would be a number."""
    lists = {"losses": lambda text: json.loads(text or "null")}
    return pd.read_csv(path, converters=lists, dtype=dict.fromkeys(["commit", "code", "trial"], str))


@cache
def committed(table):
    """The results in a page's CSV, by the names of the trials."""
    path = COMMITTED / f"{table}.csv"
    rows = read_trials(path) if path.exists() else pd.DataFrame()
    rows = rows.dropna(subset="trial") if "trial" in rows else rows[:0]
    return {row["trial"]: {k: v for k, v in row.items() if v == v} for row in rows.to_dict("records")}


def timed(function, *args, **kwargs):
    """Result, and the seconds of the clock and of the processor (one thread) that it took."""
    began, cpu = time.perf_counter(), time.process_time()
    result = function(*args, **kwargs)
    return result, {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


def summary(trials, values, digits=3):
    """Mean and standard deviation over the seeds of each task and method, as a markdown table."""
    values = {name: title for name, title in values.items() if name in trials}
    lines = [["task", "method", *values.values(), "trials"]]
    for (task, method), group in trials.groupby(["task", "method"], sort=False):
        fine = succeeded(group)
        count = f"{len(fine)}" if len(fine) == len(group) else f"{len(fine)}, {len(group) - len(fine)} failed"
        lines.append([task, method, *(mean_and_std(fine[name], digits) for name in values), count])
    return markdown(lines)


def succeeded(trials):
    """The trials without an error."""
    return trials[trials.error.isna()] if "error" in trials else trials


def required(trials):
    """The trials; an error if there are none, for a page needs some."""
    if trials.empty:
        raise FileNotFoundError("no trials: none of its data are here, or none are kept")
    return trials


def has_curves(trials):
    """Whether all trials know their curves, which a page's CSV leaves out: without them pictures stay as they are."""
    return "curve" in trials and bool(trials.curve.notna().all())


def seeds_of(trials):
    """A sentence: how many seeds each task has, and that ± is over them."""
    tasks = {}
    for task, mine in required(trials).groupby("task", sort=False):
        tasks.setdefault(mine.seed.nunique(), []).append(task)
    words = "; ".join(f"{n} ({', '.join(of_them)})" for n, of_them in tasks.items())
    return f"Number of seeds: {words if len(tasks) > 1 else next(iter(tasks))}. ± is the standard deviation over them."


def mean_and_std(values, digits=3):
    values = values.dropna()
    if not len(values):
        return ""
    spread = f" ± {values.std():.2g}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}g}{spread}"


def markdown(lines):
    head, *rows = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rows])


def in_thousands(number):
    """6 000 000 for six million."""
    return f"{int(number):,}".replace(",", " ")


def plain_ticks(axis):
    """Ticks at 1, 2 and 5 of a logarithmic axis, as plain numbers; more of them where two would be left."""
    low, high = axis.get_view_interval()
    for digits in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        ticks = [digit * 10.0**power for power in range(-4, 5) for digit in digits]
        ticks = [tick for tick in ticks if low < tick < high]
        if len(ticks) > 2:
            break
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])


def write_page(name, title, text, trials=None, figures=(), command=None):
    """Write docs/paper/NAME.md, its trials as NAME.csv and its figures, pairs (name, matplotlib figure).

    A figure that is None keeps its picture as it is.
    """
    PAGES.mkdir(parents=True, exist_ok=True)
    pictures = []
    for figure_name, figure in figures:
        if figure is not None:
            figure.savefig(PAGES / f"{figure_name}.png", dpi=110)
        pictures.append(f"![{figure_name.replace('_', ' ')}]({figure_name}.png)")
    made = f"`{command or f'python benchmarks/paper/{name}.py'}`; {machine()}"
    if trials is not None and len(trials):
        trials.drop(columns="curve", errors="ignore").to_csv(PAGES / f"{name}.csv", index=False, float_format="%.6g")
        total = trials.cpu.sum()
        made += f"; {len(trials)} trials, {total / 60:.1f} minutes of one processor in all, {made_at(trials)}"
        text += f"\n\nAll trials: [{name}.csv]({name}.csv)."
    page = f"# {title}\n\n{text}\n\n" + "\n\n".join(pictures) + f"\n\nMade by {made}.\n"
    (PAGES / f"{name}.md").write_text(page.replace("\n\n\n\n", "\n\n"))
    print(f"written: {PAGES / name}.md")


def write_table(name, title, text, trials, columns, figures=(), after=""):
    """Write a page whose table has mean and standard deviation of these columns of its trials."""
    parts = [text, seeds_of(trials), summary(trials, columns), after]
    write_page(name, title, "\n\n".join(filter(None, parts)), trials, figures)


if __name__ == "__main__":
    sys.exit("this module is not a script: run `make paper`")
