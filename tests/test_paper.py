"""benchmarks/paper: which trials are kept, and which are run again."""

import sys
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
import torch

FOLDER = Path(__file__).parent.parent / "benchmarks/paper"


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
