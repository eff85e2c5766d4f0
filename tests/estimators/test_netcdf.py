"""Estimators that were saved to netCDF predict and show the same; other files are refused."""

import json
import os
import re

import joblib
import numpy as np
import pytest
from saved_models import COURT, FAST, SEA, estimators, fields, output
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

import sklearn_mrtl
from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor, load_netcdf, save_netcdf
from sklearn_mrtl._estimators import netcdf
from sklearn_mrtl._estimators.plain import Reader, Writer
from sklearn_mrtl.preprocessing import ModeEncoder, VariableScaler

xr = pytest.importorskip("xarray", reason="xarray is not installed")
h5netcdf = pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")


def with_target_grid():
    X, _ = fields()
    maps = X[:, 0, ::2, ::2] + 0.1 * np.random.default_rng(1).normal(size=(60, 3, 4))
    maps[:, 0, 1] = np.nan
    model = MRTLRegressor(["lag", SEA], target=Grid("rain", (3, 4), quantity="mean"), rank=2, **FAST)
    return model.fit(X, maps), {"X": X}


def with_odd_names():
    pandas = pytest.importorskip("pandas")
    names = np.array([["Ann"], ["Cy"], ["Bo"]], dtype=object)[np.random.default_rng(0).integers(3, size=80)]
    X = ModeEncoder([("goal/keeper", 0)]).fit_transform(names)
    y = pandas.DataFrame(X.toarray() @ [[1.0, 0.0], [2.0, 5.0], [3.0, 7.0]], columns=["saves", 3])
    return MRTLRegressor(rank=1, **FAST).fit(X, y), {"X": X}


def chosen():
    X, y = fields()
    return MRTLRegressor(["lag", SEA], cv=4, nonnegative={"lag"}, random_state=0).fit(X, y), {"X": X}


def several_ranks():
    X, y = fields()
    rank = {"rank": (2, 1), "decomposition": "tucker"}
    return MRTLClassifier(["lag", SEA], **rank, class_weight={True: 2.0, False: 1.0}, **FAST).fit(X, y > 0), {"X": X}


MODELS = {name: case for name, case in estimators().items() if not hasattr(case[0], "steps")}
MODELS |= {f.__name__: f() for f in (with_target_grid, with_odd_names, chosen, several_ranks)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.nc"


def saved_and_loaded(model, path):
    save_netcdf(model, path)
    return load_netcdf(path)


def plain(value):
    """Everything in a value as words and bytes, to compare."""
    writer = Writer()
    return json.dumps(writer.plain(value, "value")), {name: array.tobytes() for name, array in writer.arrays.items()}


@pytest.mark.parametrize(("model", "inputs"), MODELS.values(), ids=MODELS)
def test_it_predicts_and_shows_the_same(path, model, inputs):
    loaded = saved_and_loaded(model, path)
    found, expected = output(loaded, inputs), output(model, inputs)
    assert type(loaded) is type(model) and found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    ours, theirs = ({k: v for k, v in vars(m).items() if not k.startswith("_")} for m in (model, loaded))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert plain(theirs[name]) == plain(value), name
    assert plain(loaded.to_xarray().to_dict()["attrs"]) == plain(model.to_xarray().to_dict()["attrs"])


@pytest.mark.parametrize("name", ["fields, tucker", "encodings, three terms", "with_target_grid", "fields, full rank"])
def test_other_programs_see_what_to_xarray_has(path, name):
    model, _ = MODELS[name]
    save_netcdf(model, path)
    with xr.open_dataset(path, engine="h5netcdf") as found:
        xr.testing.assert_equal(found, model.to_xarray())
        assert (
            found.attrs["parameter_rank"] == (2 if model.rank else "None")
            and model.modes_[0].name in found.attrs["modes"]
        )
        assert f"sklearn_mrtl {sklearn_mrtl.__version__}," in found.attrs["source"]
        assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ ", found.attrs["history"])
    if len(model.terms_) > 1:
        with xr.open_dataset(path, group="terms/player", engine="h5netcdf") as term:
            np.testing.assert_array_equal(term.player_factors, model.terms_["player"].factors["player"])
            assert term.attrs["alpha_l2"] == model.terms_["player"].alpha_l2


def test_a_fit_after_loading_does_the_same(path):
    model, inputs = MODELS["chosen"]
    y = fields()[1]
    loaded = saved_and_loaded(model, path)
    np.testing.assert_array_equal(loaded.fit(inputs["X"], y).coef_, model.coef_)


def test_objects_among_the_parameters_are_not_saved(path):
    X, y = fields()
    model = MRTLRegressor(["lag", SEA], cv=KFold(3), rank=1, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match=r"^cv=KFold.* is no plain value and is not saved"):
        save_netcdf(model, path)
    loaded = load_netcdf(path)
    assert loaded.cv is None and loaded.rank == 1
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_estimators_that_it_does_not_save(path):
    X, y = fields()

    class Own(MRTLRegressor):
        pass

    pipeline = make_pipeline(VariableScaler(), MRTLRegressor(rank=1, **FAST)).fit(X, y)
    for model in (pipeline, Own(), X):
        with pytest.raises(TypeError, match="estimator must be an MRTLRegressor or an MRTLClassifier, got"):
            save_netcdf(model, path)
    with pytest.raises(NotFittedError):
        save_netcdf(MRTLRegressor(), path)
    assert not path.exists()


def test_labels_that_are_neither_numbers_nor_text_are_refused():
    with pytest.raises(TypeError, match="^classes_.1 is a complex, which cannot be saved"):
        Writer().plain(np.array(["a", 1j], dtype=object), "classes_")


def test_a_file_that_cannot_be_written_leaves_the_old_one(path, monkeypatch):
    save_netcdf(MODELS["fields, cp"][0], path)
    before = path.read_bytes()

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_netcdf(MODELS["fields, tucker"][0], path)
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


# Files that are not of save_netcdf

refused = pytest.raises(ValueError, match=r"path='.*' is damaged, or was not written by save_netcdf: .*\.$")


def test_foreign_files_are_refused(path):
    with pytest.raises(FileNotFoundError):
        load_netcdf(path)
    with pytest.raises((IsADirectoryError, PermissionError)):
        load_netcdf(path.parent)
    joblib.dump(MODELS["fields, cp"][0], path)
    with refused:
        load_netcdf(path)
    for content in (b"", b"CDF\x01", netcdf.SIGNATURE, netcdf.SIGNATURE + bytes(5000)):
        path.write_bytes(content)
        with refused:
            load_netcdf(path)
    for group in (None, netcdf.STATE):
        xr.Dataset({"sst": ("time", np.arange(5.0))}).to_netcdf(path, group=group, engine="h5netcdf")
        with refused:
            load_netcdf(path)
        netcdf.seal(path)
        with refused:
            load_netcdf(path)


def test_damaged_files_are_refused(path):
    save_netcdf(MODELS["encodings, three terms"][0], path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    damaged = [whole[: int(n)] for n in rng.integers(len(whole), size=50)] + [whole + b" ", whole[:-1]]
    for at in [*rng.integers(len(whole), size=200), len(whole) - 2]:
        changed = bytearray(whole)
        changed[at] ^= int(rng.integers(1, 256))
        damaged.append(bytes(changed))
    for content in damaged:
        path.write_bytes(content)
        with refused:
            load_netcdf(path)


def forged(path, content):
    """A file with a valid checksum of any content."""
    words = {netcdf.JSON: ("bytes", np.frombuffer(json.dumps(content).encode(), np.uint8))}
    xr.Dataset(words, attrs={"format": netcdf.FORMAT}).to_netcdf(path, group=netcdf.STATE, engine="h5netcdf")
    netcdf.seal(path)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"class": "Popen", "parameters": {}, "attributes": {}},
        {"class": "MRTLRegressor", "parameters": {"rank": {"record": "Popen", "fields": {}}}, "attributes": {}},
        {
            "class": "MRTLRegressor",
            "parameters": {"rank": {"record": "Feature", "fields": {"name": 3}}},
            "attributes": {},
        },
        {"class": "MRTLRegressor", "parameters": {"__class__": 1}, "attributes": {}},
        {"class": "MRTLRegressor", "parameters": {}, "attributes": {}},
        {"class": "MRTLRegressor", "parameters": {"rank": {}}, "attributes": {}},
        {"class": "MRTLRegressor", "parameters": {"rank": {"array": "none", "dtype": "O"}}, "attributes": {}},
    ],
    ids=str,
)
def test_forged_files_make_nothing_but_models(path, content):
    forged(path, content)
    with refused:
        load_netcdf(path)


def test_arrays_larger_than_the_file_are_not_read(path):
    save_netcdf(MODELS["fields, cp"][0], path)
    with h5netcdf.File(path, "a") as file:
        file[netcdf.STATE].dimensions["many"] = 10**12
        file[netcdf.STATE].create_variable("bomb", ("many",), "f8", chunks=(10**6,))
    netcdf.seal(path)
    with pytest.raises(ValueError, match="its arrays are larger than the file"):
        load_netcdf(path)


@pytest.mark.parametrize(
    "value",
    [
        np.float32(0.1), np.bool_(True), np.int8(3), float("nan"), -0.0, (1, [2, {"a": None}]), {3: "x"},
        frozenset("a"), np.zeros((0, 3)), np.arange(6.0).reshape(2, 3).T, np.array(2.5, np.float32),
        np.array([True, False]), np.array(["a", "longer"]), np.array(["a", 1, None, 2.5], object),
        np.array(["2000-01", "NaT"], "M8[M]"),
        np.array([1, -1], "m8[D]"), np.array([1.0, -0.0, np.nan], ">f8"), Feature("player", 3), COURT,
    ],
    ids=repr,
)  # fmt: skip
def test_plain_values_come_back(value):
    writer = Writer()
    words = json.loads(json.dumps(writer.plain(value, "value")))
    found = Reader(writer.arrays).value(words)
    assert type(found) is type(value) and getattr(found, "dtype", None) == getattr(value, "dtype", None)
    assert repr(found) == repr(value)


def test_what_several_share_is_kept_once():
    mode, array = Feature("player", 3), np.arange(3.0)
    writer = Writer()
    words = writer.plain([mode, {"a": array}, mode, (array, array)], "value")
    assert list(writer.arrays) == ["value.1.a"]
    first, own, second, (a, b) = Reader(writer.arrays).value(json.loads(json.dumps(words)))
    assert first is second and own["a"] is a is b
