"""A fit that is killed goes on from its checkpoint and ends with the same model."""

import contextlib
import copy
import functools
import io
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from killed_fits import FITS, MODES, killed_fits, problem

from sklearn_mrtl import MRTLClassifier, MRTLRegressor
from sklearn_mrtl.core import checkpoints

N_KILLS = int(os.environ.get("MRTL_KILLS", "5"))  # of each fit; make kills asks for more


SETTINGS = {
    "defaults": {"rank": 2},
    "two coarse levels": {"rank": 2, "full_rank_levels": 2, "resolutions": [{"sea": (4, 3)}, {"sea": (7, 6)}, {}]},
    "random start": {"rank": 2, "full_rank_levels": 0},
    "full rank": {"rank": None},
    "tucker": {"rank": 2, "decomposition": "tucker", "full_rank_levels": 1},
    "adam": {"rank": 2, "solver": "adam", "max_epochs": 3, "criterion": "validation_loss"},
    "sgd": {"rank": 2, "solver": "sgd", "max_epochs": 2, "criterion": "gradient_norm", "patience": 2},
    "terms": {"terms": "auto", "rank": 2, "full_rank_levels": 1},
    "no negative factors": {"rank": 2, "nonnegative": ["sea"]},
}


def state(model):
    """History, without seconds, and strengths of a fitted model."""
    history = [{key: value for key, value in record.items() if key != "seconds"} for record in model.history_]
    strengths = [(term.alpha_l2, term.alpha_spatial) for term in model.terms_.values()]
    return repr(history), repr((strengths, model.alpha_path_))


def assert_identical(ours, expected):
    assert state(ours) == state(expected)
    for name, term in ours.terms_.items():
        np.testing.assert_array_equal(term.coef, expected.terms_[name].coef)
    np.testing.assert_array_equal(ours.intercept_, expected.intercept_)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("classify", [False, True])
def test_a_fit_goes_on_from_every_checkpoint_to_the_same_model(name, classify, tmp_path, monkeypatch):
    """A checkpoint after every epoch: 0 minutes."""
    X, y = problem()
    make = MRTLClassifier if classify else MRTLRegressor
    y = np.digitize(y, [-2, 2]) if classify else y
    path, written = tmp_path / "fit.npz", []
    write = checkpoints.write

    def write_and_keep(path, checkpoint):
        write(path, checkpoint)
        written.append(path.read_bytes())

    monkeypatch.setattr(checkpoints, "write", write_and_keep)
    options = {"random_state": 0, "max_epochs": 4} | SETTINGS[name]
    model = make(MODES, **options, checkpoint=(path, 0)).fit(X, y)
    assert_identical(make(MODES, **options).fit(X, y), model)
    after_levels, between_epochs = parts_of(written)
    levels = {(record["level"], record["phase"]) for record in model.history_}
    assert len(after_levels) >= 2
    assert len(between_epochs) >= model.n_iter_ - len(levels)  # one after each epoch that is not a level's last
    assert between_epochs or not classify  # a regression's level may be solved exactly, or start at its end
    for content in list(written):
        path.write_bytes(content)
        assert_identical(make(MODES, **options, checkpoint=path).fit(X, y), model)


def parts_of(written):
    """Checkpoints after levels, and those between epochs."""
    parts = [], []
    for content in written:
        with np.load(io.BytesIO(content)) as arrays:
            parts[any(name.startswith("level/") for name in arrays.files)].append(content)
    return parts


def test_how_often_a_checkpoint_is_written_is_the_second_of_a_pair(tmp_path, monkeypatch):
    X, y = problem()
    path, n_written = tmp_path / "fit.npz", []
    for checkpoint in (path, (path, 5), (str(path), 0)):
        written = []
        monkeypatch.setattr(checkpoints, "write", lambda path, checkpoint: written.append(path))  # noqa: B023
        MRTLClassifier(MODES, rank=2, checkpoint=checkpoint).fit(X, y > 0)
        n_written.append(len(written))
        assert set(written) == {path}
    assert n_written[0] == n_written[1] < n_written[2]


def test_a_seed_that_was_drawn_is_part_of_the_checkpoint(tmp_path):
    X, y = problem()
    options = {"rank": 2, "full_rank_levels": 0, "checkpoint": tmp_path / "fit.npz"}
    first = MRTLRegressor(MODES, **options).fit(X, y)
    assert_identical(MRTLRegressor(MODES, **options).fit(X, y), first)


def test_the_state_of_a_generator_is_part_of_the_checkpoint(tmp_path):
    X, y = problem()
    path = tmp_path / "fit.npz"
    model = MRTLRegressor(MODES, rank=2, solver="adam", max_epochs=2, checkpoint=path)
    first = model.set_params(random_state=np.random.RandomState(3)).fit(X, y).coef_
    again = model.set_params(random_state=np.random.RandomState(3)).fit(X, y).coef_
    np.testing.assert_array_equal(first, again)
    with pytest.raises(ValueError, match="is of another fit, which differs in random_state"):
        model.set_params(random_state=np.random.RandomState(4)).fit(X, y)


def test_a_checkpoint_of_another_format_is_refused(tmp_path):
    X, y = problem()
    path = tmp_path / "fit.npz"
    np.savez(path, json=np.array('{"format": "sklearn_mrtl checkpoint 0"}'))
    with pytest.raises(ValueError, match="its format is 'sklearn_mrtl checkpoint 0', expected 'sklearn_mrtl check"):
        MRTLRegressor(MODES, rank=2, checkpoint=path).fit(X, y)


def test_the_state_of_a_random_generator_is_part_of_the_key(tmp_path):
    X, y = problem()
    options = {"rank": 2, "full_rank_levels": 0, "checkpoint": tmp_path / "fit.npz"}
    first = MRTLRegressor(MODES, random_state=np.random.RandomState(0), **options).fit(X, y)
    assert_identical(MRTLRegressor(MODES, random_state=np.random.RandomState(0), **options).fit(X, y), first)
    with pytest.raises(ValueError, match="differs in random_state"):
        MRTLRegressor(MODES, random_state=np.random.RandomState(1), **options).fit(X, y)


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


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"mounts a disk of 1 MB: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs, which is of Linux")
def test_on_a_full_disk_the_fit_goes_on_and_its_last_checkpoint_stays(small_disk, monkeypatch):
    X, y = problem()
    target, path, write = np.digitize(y, [-2, 2]), small_disk / "fit.npz", checkpoints.write
    options = {"rank": 2, "random_state": 0, "max_epochs": 5}
    n_written = 0

    def write_and_fill(path, checkpoint):
        nonlocal n_written
        write(path, checkpoint)
        n_written += 1
        if n_written == 3:  # all that is left of the disk
            with open(small_disk / "other", "wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(512))

    monkeypatch.setattr(checkpoints, "write", write_and_fill)
    with pytest.warns(RuntimeWarning, match="could not be written .*No space left") as caught:
        model = MRTLClassifier(MODES, **options, checkpoint=(path, 0)).fit(X, target)
    assert n_written == 3 and len(caught) > 1
    assert sorted(file.name for file in small_disk.iterdir()) == ["fit.npz", "other"]
    assert_identical(MRTLClassifier(MODES, **options).fit(X, target), model)
    (small_disk / "other").unlink()
    monkeypatch.undo()
    assert_identical(MRTLClassifier(MODES, **options, checkpoint=path).fit(X, target), model)


def test_a_disk_that_refuses_every_byte_is_a_warning(tmp_path):
    """The temporary file is a link to /dev/full."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    X, y = problem()
    expected = MRTLRegressor(MODES, rank=2).fit(X, y)
    path = tmp_path / "fit.npz"
    (tmp_path / "fit.npz.tmp").symlink_to("/dev/full")
    with pytest.warns(RuntimeWarning, match="could not be written .*No space left"):
        model = MRTLRegressor(MODES, rank=2, checkpoint=path).fit(X, y)
    assert_identical(model, expected)


def gradient_norm(record):
    return record["gradient_norm"]


def loss(record):
    return record["train_loss"]


class Entry:
    def __init__(self, name):
        self.name = name

    def __call__(self, record):
        return record[self.name]


def entry(name, record):
    return record[name]


@pytest.mark.parametrize(
    "one, other",
    [
        (gradient_norm, loss),
        (Entry("gradient_norm"), Entry("train_loss")),
        (functools.partial(entry, "gradient_norm"), functools.partial(entry, "train_loss")),
    ],
)
def test_criteria_are_told_apart(one, other, tmp_path):
    X, y = problem()
    options = {"rank": 2, "checkpoint": tmp_path / "fit.npz", "random_state": 0}
    model = MRTLRegressor(MODES, criterion=one, **options).fit(X, y)
    assert_identical(MRTLRegressor(MODES, criterion=copy.deepcopy(one), **options).fit(X, y), model)
    with pytest.raises(ValueError, match="is of another fit, which differs in criterion"):
        MRTLRegressor(MODES, criterion=other, **options).fit(X, y)


def test_a_function_whose_code_was_changed_is_another(tmp_path, monkeypatch):
    X, y = problem()
    options = {"rank": 2, "checkpoint": tmp_path / "fit.npz"}
    MRTLRegressor(MODES, criterion=loss, **options).fit(X, y)
    monkeypatch.setattr(loss, "__code__", gradient_norm.__code__)
    with pytest.raises(ValueError, match="is of another fit, which differs in criterion"):
        MRTLRegressor(MODES, criterion=loss, **options).fit(X, y)


def test_a_function_without_a_name_of_its_own_is_refused(tmp_path):
    def local(record):
        return record["gradient_norm"]

    X, y = problem()
    for criterion in (lambda record: record["gradient_norm"], local, functools.partial(local)):
        path = tmp_path / "fit.npz"
        with pytest.raises(ValueError, match="checkpoint needs criterion that can be recognized in another process"):
            MRTLRegressor(MODES, rank=2, criterion=criterion, checkpoint=path).fit(X, y)
        assert not path.exists()


@pytest.mark.parametrize(
    "path, error",
    [
        (3, TypeError), (("fit.npz", "often"), TypeError), ((3, 3), TypeError), (("fit.npz", -1), ValueError),
        (("fit.npz", float("nan")), ValueError), ("no/such/folder/fit.npz", ValueError), (".", ValueError),
        (("fit.npz", 1, 2), TypeError),
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused_before_training(path, error):
    with pytest.raises(error, match="checkpoint (must|== -1)"):
        MRTLRegressor(MODES, rank=2, checkpoint=path).fit(*problem())


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
@pytest.mark.parametrize("name", FITS)
def test_a_killed_process_is_resumed_every_time(name, tmp_path):
    assert killed_fits(name, tmp_path, N_KILLS, random.Random()) >= 1
