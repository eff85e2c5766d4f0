"""A fit that is killed goes on from its checkpoint and ends with the same model."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.core import checkpoints

N_KILLS = 5  # more with the script itself: python tests/estimators/test_checkpoints.py 50


def problem(n=150):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2, 13, 12)).astype(np.float32)
    X[:, :, 5, 3:7] = np.nan  # land
    y = np.nansum(X[:, 0, :3], axis=(1, 2)) + rng.normal(size=n)
    return X, y


MODES = [Feature("variable"), Grid("sea", (13, 12), quantity="mean", periodic=(False, True))]
SETTINGS = {
    "defaults": {"rank": 2},
    "two coarse levels": {"rank": 2, "full_rank_levels": 2, "resolutions": [{"sea": (4, 3)}, {"sea": (7, 6)}, {}]},
    "random start": {"rank": 2, "full_rank_levels": 0},
    "full rank": {"rank": None},
    "tucker": {"rank": 2, "decomposition": "tucker", "full_rank_levels": 1},
    "adam": {"rank": 2, "solver": "adam", "max_epochs": 3, "criterion": "validation_loss"},
}


def state(model):
    """History, without seconds, and strengths of a fitted model."""
    history = [{key: value for key, value in record.items() if key != "seconds"} for record in model.history_]
    return repr(history), repr((model.alpha_spatial_, model.alpha_l2_, model.alpha_path_))


def assert_identical(ours, expected):
    assert state(ours) == state(expected)
    np.testing.assert_array_equal(ours.coef_, expected.coef_)
    np.testing.assert_array_equal(ours.intercept_, expected.intercept_)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("classify", [False, True])
def test_a_fit_goes_on_from_every_checkpoint_to_the_same_model(name, classify, tmp_path, monkeypatch):
    X, y = problem()
    make = MRTLClassifier if classify else MRTLRegressor
    y = np.digitize(y, [-2, 2]) if classify else y
    path, written = tmp_path / "fit.npz", []
    write = checkpoints.write

    def write_and_keep(path, checkpoint):
        write(path, checkpoint)
        written.append(path.read_bytes())

    monkeypatch.setattr(checkpoints, "write", write_and_keep)
    model = make(MODES, **SETTINGS[name], checkpoint=path, random_state=0).fit(X, y)
    assert_identical(make(MODES, **SETTINGS[name], random_state=0).fit(X, y), model)
    assert len(written) >= 2
    for content in list(written):
        path.write_bytes(content)
        assert_identical(make(MODES, **SETTINGS[name], checkpoint=path, random_state=0).fit(X, y), model)


def test_a_seed_that_was_drawn_is_part_of_the_checkpoint(tmp_path):
    X, y = problem()
    options = {"rank": 2, "full_rank_levels": 0, "checkpoint": tmp_path / "fit.npz"}
    first = MRTLRegressor(MODES, **options).fit(X, y)
    assert_identical(MRTLRegressor(MODES, **options).fit(X, y), first)


@pytest.mark.parametrize("change", ["X", "y", "weight", "rank", "X_val"])
def test_a_checkpoint_of_another_fit_is_refused_and_left_alone(change, tmp_path):
    X, y = problem()
    path, rank, more = tmp_path / "fit.npz", 2, {}
    MRTLRegressor(MODES, rank=2, checkpoint=path).fit(X, y)
    before = path.read_bytes()
    if change == "X":
        X[0, 0, 0, 0] += 1
    if change == "y":
        y[0] += 1
    if change == "weight":
        more = {"sample_weight": np.arange(1.0, len(y) + 1)}
    if change == "rank":
        rank = 3
    if change == "X_val":
        more = {"X_val": X, "y_val": y}
    with pytest.raises(ValueError, match=f"is of another fit, which differs in .*{change}"):
        MRTLRegressor(MODES, rank=rank, checkpoint=path).fit(X, y, **more)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["empty", "text", "pickle", "cut", "flipped", "other npz", "npy"])
def test_a_damaged_or_foreign_file_is_refused_and_left_alone(damage, tmp_path):
    X, y = problem()
    path = tmp_path / "fit.npz"
    MRTLRegressor(MODES, rank=2, checkpoint=path).fit(X, y)
    whole = path.read_bytes()
    if damage == "other npz":
        np.savez(path, a=np.zeros(3))
    elif damage == "npy":
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
        contents = {
            "empty": b"", "text": b"hello", "cut": whole[:middle], "flipped": flipped,
            "pickle": b"cos\nsystem\n(S'touch " + str(tmp_path / "executed").encode() + b"'\ntR.",
        }  # fmt: skip
        path.write_bytes(contents[damage])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="is damaged or no checkpoint"):
        MRTLRegressor(MODES, rank=2, checkpoint=path).fit(X, y)
    assert path.read_bytes() == before
    assert not (tmp_path / "executed").exists()


def test_a_disk_that_is_full_is_a_warning(tmp_path):
    """/dev/full refuses every byte: the temporary file is a link to it."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    X, y = problem()
    expected = MRTLRegressor(MODES, rank=2).fit(X, y)
    path = tmp_path / "fit.npz"
    (tmp_path / "fit.npz.tmp").symlink_to("/dev/full")
    with pytest.warns(RuntimeWarning, match="could not be written .*No space left"):
        model = MRTLRegressor(MODES, rank=2, checkpoint=path).fit(X, y)
    assert_identical(model, expected)


@pytest.mark.parametrize("path, error", [(3, TypeError), ("no/such/folder/fit.npz", ValueError), (".", ValueError)])
def test_what_is_no_path_is_refused_before_training(path, error):
    with pytest.raises(error, match="checkpoint must"):
        MRTLRegressor(MODES, rank=2, checkpoint=path).fit(*problem())


CHILD = """
import sys
import numpy as np
sys.path.insert(0, {folder!r})
from test_checkpoints import MODES, problem
from sklearn_mrtl import MRTLRegressor
import torch
torch.set_num_threads(1)
X, y = problem(400)
print("begin", flush=True)
model = MRTLRegressor(MODES, rank=3, checkpoint={path!r}, random_state=0).fit(X, y)
np.savez({result!r}, coef=model.coef_, intercept=model.intercept_)
print("end", flush=True)
"""


def killed_fits(folder, n_kills, rng):
    """Kill a fit at random moments, n_kills times in all, resuming it each time; return how many ended by themselves.

    Each fit that ends is compared with the one that was never killed, and the next begins from nothing.
    """
    own = str(Path(__file__).parent)
    expected, path, result = (str(folder / name) for name in ("expected.npz", "fit.npz", "result.npz"))

    def start(path, result):
        code = CHILD.format(folder=own, path=path, result=result)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
        assert child.stdout.readline() == "begin\n"
        return child

    began = time.perf_counter()
    assert start(str(folder / "whole.npz"), expected).communicate()[0] == "end\n"
    duration, n_killed, n_ended = time.perf_counter() - began, 0, 0
    while n_killed < n_kills or not n_ended:
        child = start(path, result)
        if n_killed < n_kills:
            try:
                child.communicate(timeout=rng.uniform(0, duration / 2))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                n_killed += 1
        output = child.communicate()[0]
        if child.returncode == 0:
            assert output is None or output in ("", "end\n")
            with np.load(expected) as one, np.load(result) as other:
                for name in one.files:
                    np.testing.assert_array_equal(one[name], other[name])
            n_ended += 1
            os.remove(path)
        else:
            assert child.returncode == -signal.SIGKILL
    return n_ended


def test_a_killed_process_is_resumed_every_time(tmp_path):
    assert killed_fits(tmp_path, N_KILLS, random.Random()) >= 1


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        n_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
        print(n_kills, "kills;", killed_fits(Path(place), n_kills, random.Random()), "fits ended as without them")
