"""benchmarks/paper: which trials are kept, which are run again, and what they say about claims."""

import re
import sys
import types
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

FOLDER = Path(__file__).parent.parent / "benchmarks/paper"
PAGES = FOLDER.parents[1] / "docs/paper"


@pytest.fixture
def load(monkeypatch):
    """Import modules of benchmarks/paper, whose names are common, and forget them afterwards."""
    monkeypatch.syspath_prepend(FOLDER)
    before, n_threads = set(sys.modules), torch.get_num_threads()
    names = {path.stem for path in [*FOLDER.glob("*.py"), *FOLDER.parent.glob("*.py")]}
    yield import_module
    torch.set_num_threads(n_threads)
    for name in names - before:
        sys.modules.pop(name, None)


# Which code made a trial


def code_of_source(load, tmp_path, source):
    (tmp_path / "core").mkdir(exist_ok=True)
    (tmp_path / "core/a.py").write_text(source)
    return load("versions").code_of(tmp_path, ["core"])


SOURCE = 'def f(x):\n    """Double."""\n    return 2 * x\n'


def test_comments_and_docstrings_do_not_change_the_code(load, tmp_path):
    before = code_of_source(load, tmp_path, SOURCE)
    words = '"""A module."""\n' + SOURCE.replace('"""Double."""', '"""Twice x."""\n    # quickly')
    assert code_of_source(load, tmp_path, words) == before


@pytest.mark.parametrize(
    "source", [SOURCE.replace("2 *", "3 *"), SOURCE + "\n\nY = 1\n", "Z = 'a text, no docstring'\n"]
)
def test_other_statements_change_the_code(load, tmp_path, source):
    assert code_of_source(load, tmp_path, source) != code_of_source(load, tmp_path, SOURCE)


def test_the_name_of_a_file_is_code(load, tmp_path):
    before = code_of_source(load, tmp_path, SOURCE)
    (tmp_path / "core/a.py").rename(tmp_path / "core/b.py")
    assert load("versions").code_of(tmp_path, ["core"]) != before


def test_pages_say_their_commits_and_how_many_trials_are_old(load):
    versions = load("versions")
    code = [versions.training_code(), versions.NO_TRAINING, "other", None]
    made = versions.made_at(pd.DataFrame({"commit": ["b", "a", "b", "a"], "code": code}))
    assert made.startswith("made at a, b") and "2 of them before the training code last changed" in made
    assert "RENEW" not in versions.made_at(pd.DataFrame({"commit": ["a"], "code": code[:1]}))


# Trials that are kept


@pytest.fixture
def run_trial(load, monkeypatch, tmp_path):
    """Run a trial whose result is the number of times that it was measured."""
    trials = load("trials")
    monkeypatch.setattr(trials, "KEPT", tmp_path)
    monkeypatch.setattr(trials, "COMMITTED", tmp_path)
    monkeypatch.setattr(trials, "QUICK", False)
    monkeypatch.setattr(trials, "KEPT_ONLY", False)
    monkeypatch.setattr(trials, "RENEW", False)
    measured = []

    def measure(data, seed):
        measured.append(seed)
        return {"n": len(measured)}

    def run(*, trains=True, code=None, **flags):
        for name, value in flags.items():
            monkeypatch.setattr(trials, name, value)
        if code is not None:
            monkeypatch.setattr(trials, "training_code", lambda: code)
        row = trials.trial("table", "task", {}, trials.Method("m", measure, trains=trains), 0, lambda: None)
        return row and row["n"]

    return run


def test_a_kept_trial_is_not_measured_again(run_trial):
    assert run_trial(code="old") == 1
    assert run_trial(code="new") == 1, "even if the code has changed"


def test_renew_measures_trials_of_other_code_again(run_trial):
    assert run_trial(code="old") == 1
    assert run_trial(code="old", RENEW=True) == 1
    assert run_trial(code="new") == 2
    assert run_trial(code="new") == 2


def test_renew_keeps_trials_of_other_packages(run_trial):
    assert run_trial(code="old", trains=False) == 1
    assert run_trial(code="new", trains=False, RENEW=True) == 1


def test_kept_only_measures_nothing(run_trial):
    assert run_trial(KEPT_ONLY=True) is None
    assert run_trial(KEPT_ONLY=False, code="old") == 1
    assert run_trial(KEPT_ONLY=True, RENEW=True, code="new") == 1


def test_trials_in_a_page_are_kept(load, monkeypatch, tmp_path):
    trials = load("trials")
    for name in ("KEPT", "COMMITTED", "PAGES"):
        monkeypatch.setattr(trials, name, tmp_path / name)
    monkeypatch.setattr(trials, "PAGES", trials.COMMITTED)
    monkeypatch.setattr(trials, "QUICK", False)
    made = {
        "seed": 0,
        "loss": 0.25,
        "cpu": 1.0,
        "losses": [0.125, 0.375],
        "curve": [[1, 2]],
        "commit": "995e224",
        "code": "b",
    }
    results = [
        {**made, "trial": "1e5", "setting": "s"},
        {**made, "trial": "007", "f1": 0.5},
        {"trial": "z", "cpu": 1.0},
    ]
    results[2] |= {"error": "it failed", "commit": "995e224", "code": "12"}
    trials.write_page("table", "Title", "text", pd.DataFrame(results))
    for result in results:
        result.pop("curve", None)
        kept = trials.kept_result(trials.KEPT / "x.json", "table", result["trial"])
        assert {name: value for name, value in kept.items() if value is not None} == result
    assert trials.kept_result(trials.KEPT / "x.json", "table", "w") is None
    assert trials.kept_result(trials.KEPT / "x.json", "another table", "1e5") is None


# Verdicts


@pytest.fixture
def verdicts(load):
    return load("verdicts")


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(1.0, 0.5, 8)


def test_interval_of_own_data_is_that_of_a_t_test(verdicts, values):
    mean, *ends = verdicts.Check("", "t", values, splits="own").interval()
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    np.testing.assert_allclose([mean, *ends], [values.mean(), *expected])


def test_interval_of_shared_rows_counts_test_and_training_rows(verdicts, values):
    mean, lower, upper = verdicts.Check("", "t", values).interval()
    n, deviations = len(values), values - values.mean()
    error = np.sqrt((1 / n + 0.2 / 0.6) * np.sum(deviations**2) / (n - 1))
    np.testing.assert_allclose([mean - lower, upper - mean], stats.t.ppf(0.975, n - 1) * error)


def test_mean_of_ratios_is_geometric(verdicts):
    mean, lower, upper = verdicts.Check("", "t", np.array([2.0, 8.0, 4.0]), is_ratio=True).interval()
    assert mean == pytest.approx(4.0) and lower * upper == pytest.approx(16.0)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-9, 9, "confirmed"), (0, 2, "confirmed"), (1, 9, "cannot be told"), (-9, 1, "cannot be told"),
     (0.9, 1.1, "cannot be told"), (2, 9, "not confirmed"), (-9, 0, "not confirmed")],
)  # fmt: skip
def test_the_whole_interval_has_to_lie_in_the_range(verdicts, low, high, verdict):
    values = 1 + 0.5 * np.array([-1, 0, 1, -1, 1, 0.0])
    _, lower, upper = verdicts.Check("", "t", values, splits="own").interval()
    assert 0 < lower < 0.9 < 1.1 < upper < 2
    assert verdicts.Check("", "t", values, low, high, splits="own").verdict() == verdict


def test_one_seed_tells_nothing_and_a_number_without_chance_all(verdicts):
    assert verdicts.Check("", "t", np.array([5.0]), low=1.0).verdict() == "cannot be told"
    assert verdicts.Check("", "t", np.array([5.0]), low=1.0, splits="none").verdict() == "confirmed"
    assert verdicts.Check("", "t", np.array([0.5]), low=1.0, splits="none").verdict() == "not confirmed"


def test_verdict_of_a_claim_names_where_it_holds(verdicts):
    def claim(*means):
        noise = np.array([-0.1, 0.0, 0.1])
        checks = [verdicts.Check("", f"task {k}", mean + noise, low=1.0) for k, mean in enumerate(means)]
        return verdicts.Claim("", "", checks).verdict()

    assert claim(2, 3) == "confirmed"
    assert claim(1, 1) == "cannot be told with 3 seeds"
    assert claim(2, 0, 1) == "confirmed: task 0; not confirmed: task 1; cannot be told with 3 seeds: task 2"
    assert claim(2, 2, 0, 0, 1) == "confirmed in 2, not confirmed in 2, cannot be told in 1 of 5 comparisons"


def test_the_page_has_the_verdicts_of_the_trials_beside_it(load, monkeypatch):
    claims = load("claims")
    monkeypatch.setattr(load("comparisons"), "PAGES", PAGES)
    page = (PAGES / "claims.md").read_text()
    every = [claim for claim in claims.all_claims() if claim.checks]
    assert len(every) >= 15
    for claim in every:
        assert f"| {claim.title} | {claim.verdict()} |" in page, "run KEPT_ONLY=1 make paper"


def test_verdicts_follow_the_trials(load, monkeypatch):
    claims = load("claims_list")

    def speed(ratio):
        rows = [
            {"task": "tracking", "method": method, "seed": seed, "cpu": cpu * (1 + 0.01 * seed), "cpu_low_rank": 1.0}
            for seed in range(5) for method, cpu in [("Adam: MRTL", 1.0), ("Adam: fixed", ratio)]
        ]  # fmt: skip
        monkeypatch.setattr(load("comparisons"), "load", lambda page: pd.DataFrame(rows))
        return [check.verdict() for check in claims.speed(4.0) if check.part == "Adam, both phases"]

    assert speed(5.0) == ["confirmed"] and speed(3.0) == ["not confirmed"]


def test_the_index_states_the_hours_of_all_trials(load):
    trials = load("trials")
    hours = sum(trials.read_trials(path).cpu.sum() for path in PAGES.glob("*.csv")) / 3600
    stated = float(re.search(r"together take ([\d.]+) hours", (PAGES / "index.md").read_text())[1])
    assert stated == pytest.approx(hours, rel=0.1) and hours < 6


@pytest.mark.parametrize("page", ["table1", "finest", "criteria", "curves", "batches", "protocol"])
def test_tables_are_those_of_the_trials_beside_them(load, page):
    trials = load("trials")
    table = trials.summary(trials.read_trials(PAGES / f"{page}.csv"), load(page).COLUMNS)
    assert table in (PAGES / f"{page}.md").read_text(), "run KEPT_ONLY=1 make paper"


def test_starts_and_grids_are_compared_by_the_trials(load, monkeypatch):
    monkeypatch.setattr(load("comparisons"), "PAGES", PAGES)
    table = load("claims").start_or_grids()
    assert table in (PAGES / "claims.md").read_text(), "run KEPT_ONLY=1 make paper"
    page = load("comparisons").load("finest")
    loss = page[page.task == "tracking"].set_index(["method", "seed"]).loss
    above = (loss["default: random start, fixed"] / loss["default: MRTL"] - 1).mean()
    assert f"frames, default |  | {100 * (loss['default: fixed'] / loss['default: MRTL'] - 1).mean():+.1f} %" in table
    assert f"| {100 * above:+.1f} % |" in table


# Searches and curves


def test_the_full_rank_phase_has_a_best_setting_of_its_own(load, monkeypatch):
    table2 = load("table2")
    rows = {"task": "tracking", "method": ["MRTL", "fixed"] * 3, "seed": [0, 0, 1, 1, 2, 2]}
    losses = {"validation_loss": [3, 0, 1, 0, np.nan, 0], "loss_full": [2, 0, 3, 0, 1, 0]}
    monkeypatch.setattr(table2, "search", lambda fine: pd.DataFrame(rows | losses))
    monkeypatch.setattr(table2, "setting", lambda task, number: {"number": number})
    assert table2.best_settings("tracking", "MRTL")["number"] == 1
    assert table2.best_settings("tracking", "MRTL, full rank")["number"] == 2


def test_the_seconds_of_a_phase_begin_with_it(load):
    curve = [[1.0, 0.9, 0.1, 0, "full_rank"], [3.0, 0.8, 0.2, 1, "full_rank"], [3.5, 0.7, 0.3, 1, "low_rank"]]
    phase_curve = load("criteria").phase_curve
    np.testing.assert_allclose(phase_curve(curve, "full_rank", 1), [[1.0, 0.9], [3.0, 0.8]])
    np.testing.assert_allclose(phase_curve(curve, "low_rank", 2), [[0.5, 0.3]])


# What the README says


def in_readme(sentences):
    return sentences in " ".join((FOLDER.parents[1] / "README.md").read_text().split())


def test_readme_has_the_verdicts_of_the_claims(load, monkeypatch):
    claims = load("claims")
    monkeypatch.setattr(load("comparisons"), "PAGES", PAGES)
    assert in_readme(claims.in_short(claims.all_claims())), "copy docs/paper/claims.md, In short"


def test_readme_has_the_verdict_on_other_packages(load):
    trials, page = load("trials").read_trials(PAGES / "beyond.csv"), load("beyond_page")
    results = [page.Result(task, trials[trials.task == task.name], {}) for task in load("beyond").TASKS]
    assert in_readme(page.in_short(results)), "copy docs/paper/beyond.md, All tasks"


# Beyond the paper


def test_gains_are_in_units_of_the_score_and_paired_with_ours(load):
    page, rng = load("beyond_page"), np.random.default_rng(0)
    losses = {(method, seed): rng.uniform(1, 2, 20) for method in ("ours", "theirs") for seed in (0, 1)}
    rows = [
        {"method": method, "kind": kind, "step": 1, "seed": seed, "loss": losses[method, seed].mean(), "variance": 4.0,
         "losses": list(losses[method, seed]), "cpu": 1.0, "setting": "", "auc": np.nan}
        for method, kind in [("theirs", "linear"), ("ours", "ours")] for seed in (1, 0)
    ]  # fmt: skip
    result = page.Result(types.SimpleNamespace(is_class=False), pd.DataFrame(rows), {})
    gains = np.concatenate([losses["ours", seed] - losses["theirs", seed] for seed in (0, 1)]) / 4.0
    theirs = result.linear
    assert theirs.gain == pytest.approx(gains.mean()) and theirs["std"] == pytest.approx(gains.std() / np.sqrt(40))
    assert theirs.score == pytest.approx(1 - np.mean([losses["theirs", 0], losses["theirs", 1]]) / 4)
    assert theirs.score - result.own.score == pytest.approx(theirs.gain)
    assert result.behind == pytest.approx(100 * (theirs.score - result.own.score) / abs(theirs.score))


def test_front_is_of_those_that_nobody_beats_in_less_time(load):
    gain, cpu = [0.0, 0.1, 0.05, -0.2], [2.0, 3.0, 4.0, 1.0]
    assert list(load("beyond_page").on_front(gain, cpu)) == [True, True, False, True]
