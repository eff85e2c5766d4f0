"""Saved by pickle, joblib or skops, fitted estimators and transformers do the same when loaded."""

import io
import pickle
import pickletools

import joblib
import numpy as np
import pytest
from saved_models import GOLDEN, estimators, output, public_classes, transformers

from sklearn_mrtl import MRTLRegressor

ESTIMATORS = estimators()
ALL = ESTIMATORS | transformers()
by_model = pytest.mark.parametrize(("model", "inputs"), ALL.values(), ids=ALL)


def by_pickle(model):
    return pickle.loads(pickle.dumps(model))


def by_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def by_skops(model):
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    saved = skops.dumps(model)
    types = skops.get_untrusted_types(data=saved)
    assert [name for name in types if not name.startswith("sklearn_mrtl.")] == []
    return skops.loads(saved, trusted=types)


by_saver = pytest.mark.parametrize("save_and_load", [by_pickle, by_joblib, by_skops])


def test_every_class_is_tried():
    assert public_classes() <= {type(model) for model, _ in ALL.values()}


@by_model
@by_saver
def test_it_does_the_same(save_and_load, model, inputs):
    np.testing.assert_array_equal(output(save_and_load(model), inputs), output(model, inputs))


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in ("pipeline", "encodings, table")])
@by_saver
def test_it_shows_the_same(save_and_load, name):
    model = ESTIMATORS[name][0]
    loaded = save_and_load(model)
    assert list(loaded.terms_) == list(model.terms_)
    for term, own in zip(loaded.terms_.values(), model.terms_.values(), strict=True):
        np.testing.assert_array_equal(term.coef, own.coef)
        assert repr(term) == repr(own)
    np.testing.assert_array_equal(loaded.intercept_, model.intercept_)
    assert repr(loaded.history_) == repr(model.history_)
    assert loaded.modes_ == model.modes_ and loaded.get_params().keys() == model.get_params().keys()


@by_saver
def test_a_warm_start_goes_on_after_loading(save_and_load):
    model, inputs = ESTIMATORS["fields, coarsest level"]
    X, y = inputs["X"], np.nansum(inputs["X"][:, 0, :3], axis=(1, 2))
    coarse = MRTLRegressor(**model.get_params()).fit(X, y)
    loaded = save_and_load(coarse).set_params(n_levels=2).fit(X, y)
    assert repr(loaded.history_[: coarse.n_iter_]) == repr(coarse.history_)  # seconds too: it was not trained again
    np.testing.assert_array_equal(loaded.coef_, MRTLRegressor(**loaded.get_params()).fit(X, y).coef_)


@by_model
def test_what_is_fitted_is_plain_arrays(model, inputs):
    """No tensor, so that a model fitted on a GPU loads without one."""
    names = [argument for _, argument, _ in pickletools.genops(pickle.dumps(model)) if isinstance(argument, str)]
    assert [name for name in names if name.split(".")[0] == "torch"] == []


@pytest.mark.parametrize("name", ALL)
def test_files_of_the_first_version_are_read(name):
    """Estimators to the precision that other versions of torch and numpy leave."""
    saved = joblib.load(GOLDEN.with_name("0.1.0.joblib"))
    if name not in saved:
        pytest.skip(f"{name} came after the file was written")
    expected = saved[name]["output"]
    found = output(saved[name]["model"], saved[name]["inputs"])
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-4 if expected.dtype == np.float32 else 1e-9)
    else:
        np.testing.assert_array_equal(found, expected)
