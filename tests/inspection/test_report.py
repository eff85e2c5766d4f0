"""The page about a model is complete, says what is true, and needs no network."""

import re
from base64 import b64decode

import numpy as np
import pytest
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid, MRTLRegressor
from sklearn_mrtl.inspection import ComponentDisplay, SkillDisplay, component_importance, factor_bands, report
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, Deseasonalizer, ModeEncoder
from sklearn_mrtl.references import DampedPersistenceRegressor, ResidualRegressor

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


def headings(page):
    return re.findall("<h2>(.*?)</h2>", page)


def pictures(page):
    return [b64decode(found) for found in re.findall(r'src="data:image/png;base64,([^"]+)"', page)]


def test_regression(ocean, ocean_model, tmp_path):
    X, y = ocean.data[200:], ocean.target[200:]
    guess = np.roll(y, 1)
    open_figures = plt.get_fignums()
    options = {"references": {"<last month>": guess}, "title": "An ocean & more"}
    file = report(ocean_model, X, y, tmp_path / "ocean.html", **options)
    page = file.read_text(encoding="utf-8")
    assert headings(page) == [
        "Data", "Training", "Rank and penalties", "Scores", "Components", "Predictions and observations", "History"
    ]  # fmt: skip
    assert "<h1>An ocean &amp; more</h1>" in page
    assert f"<td>this model</td><td>{r2_score(y, ocean_model.predict(X)):.3f}</td>" in page
    assert f"<td>&lt;last month&gt;</td><td>{r2_score(y, guess):.3f}</td>" in page
    assert "<td>mean of these rows</td><td>0.000</td>" in page
    assert f"{ocean.ocean.sum()} of {ocean.ocean.size}" in page
    assert f"<td>{ocean_model.alpha_l2_:.3g}</td>" in page
    assert len(pictures(page)) == 3 and all(found.startswith(b"\x89PNG") for found in pictures(page))
    assert not re.findall(r'(?:src|href)="(?!data:)', page) and "http" not in page  # nothing comes from elsewhere
    assert plt.get_fignums() == open_figures


def test_classes_and_terms(shots, shots_model, tmp_path):
    page = report(shots_model, shots.data, shots.target, tmp_path / "shots.html").read_text(encoding="utf-8")
    probability = shots_model.predict_proba(shots.data)
    assert "Reliability" in headings(page)
    assert f"<td>this model</td><td>{log_loss(shots.target, probability):.4f}</td>" in page
    assert f"<td>{roc_auc_score(shots.target, probability[:, 1]):.3f}</td></tr>" in page
    for name, term in shots_model[-1].terms_.items():
        assert f"<td>{name}</td><td>{'full' if term.rank is None else term.rank}</td>" in page


def test_several_outputs_and_volumes(outputs_model, tmp_path):
    model, X = outputs_model
    y = np.stack([np.arange(len(X)), -(np.arange(len(X)) ** 2)], axis=1).astype(float)
    page = report(model, X, y, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "2 outputs" in page
    rng = np.random.default_rng(0)
    volumes = rng.normal(size=(30, 2, 3, 3, 3))
    small = MRTLRegressor(["lag", Grid("sea", (3, 3, 3))], rank=1).fit(volumes, volumes[:, 0, 1, 1, 1])
    page = report(small, volumes, volumes[:, 0, 1, 1, 1], tmp_path / "a.html").read_text(encoding="utf-8")
    assert [name for name in headings(page) if "Comp" in name] == ["Components, lag", "Components, sea"]


def labelled_outputs(n=120):
    """Two outputs, the first of them easy; y as a DataArray, and as tables of pandas and polars."""
    xr, pd, pl = (pytest.importorskip(name) for name in ("xarray", "pandas", "polars"))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 6, 7))
    y = np.stack([X[:, 0, 0], 100 + 50 * rng.normal(size=n)], axis=1)
    forms = xr.DataArray(y, {"town": ["Ulm", "Bonn"]}, ("time", "town")), pd.DataFrame(y, columns=["Ulm", "Bonn"])
    return X, [*forms, pl.DataFrame(y, schema=["Ulm", "Bonn"])]


@pytest.mark.parametrize("form", range(3))
def test_outputs_in_another_order_than_in_fit(form, tmp_path):
    """Their names say which is which, also for the predictions of references, which have the order of y."""
    X, forms = labelled_outputs()
    y = forms[form]
    model = MRTLRegressor(rank=1, alpha_l2=0.1, alpha_spatial=0.1).fit(X, y)
    other = y[:, ::-1] if form == 0 else y[["Bonn", "Ulm"]]
    guess = np.roll(np.asarray(other), 1, axis=0)
    page = report(model, X, other, tmp_path / "a.html", references={"guess": guess}).read_text(encoding="utf-8")
    assert f"<td>this model</td><td>{model.score(X, y):.3f}</td>" in page
    assert f"<td>guess</td><td>{r2_score(other, guess):.3f}</td>" in page
    np.testing.assert_allclose(component_importance(model, X, other), component_importance(model, X, y))
    reference = ResidualRegressor(DampedPersistenceRegressor(of=(0, 0)), model).fit(X, y)
    again = ResidualRegressor(DampedPersistenceRegressor(of=(0, 0)), model).fit(X, y, X_val=X, y_val=other)
    assert reference.score(X, other) == pytest.approx(reference.score(X, y))
    assert again.regressor_.history_[-1]["validation_loss"] < 1
    assert reference.reference_.score(X, other) == pytest.approx(reference.reference_.score(X, y))


def test_outputs_have_their_names_and_positions(tmp_path, monkeypatch):
    xr = pytest.importorskip("xarray")
    rng = np.random.default_rng(0)
    fields = xr.DataArray(rng.normal(size=(120, 6, 7)), dims=("time", "lat", "lon"))
    y = xr.DataArray(
        fields.values[:, :2, :2].reshape(120, 4), {"town": ["Ulm", "Bonn", "Kiel", "Jena"]}, ("time", "town")
    )
    model = MRTLRegressor(rank=1).fit(fields, y)
    drawn = {}

    def record(plot):
        """Return a function that plots, and keeps the display."""
        return lambda self, **options: drawn.update({type(self): self}) or plot(self, **options)

    for display in (SkillDisplay, ComponentDisplay):
        monkeypatch.setattr(display, "plot", record(display.plot))
    report(model, fields, y, tmp_path / "a.html")
    assert list(drawn[SkillDisplay].names) == ["Ulm", "Bonn", "Kiel", "Jena"] and drawn[SkillDisplay].positions is None
    positions = rng.normal(size=(4, 2))
    report(model, fields, y, tmp_path / "a.html", positions={"town": positions})
    np.testing.assert_array_equal(drawn[SkillDisplay].positions, positions)
    assert drawn[SkillDisplay].geographic  # as the fields are
    assert drawn[ComponentDisplay].pictures["output"].positions is not None
    with pytest.raises(ValueError, match="positions must be a dict by names"):
        report(model, fields, y, tmp_path / "a.html", positions={"village": positions})


def test_degrees_of_freedom_are_there_where_they_are_known(ocean, ocean_model, shots, shots_model, tmp_path):
    of_terms = report(shots_model, shots.data, shots.target, tmp_path / "a.html").read_text(encoding="utf-8")
    of_fields = report(ocean_model, ocean.data, ocean.target, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<th>degrees of freedom</th>" in of_terms and "degrees of freedom" not in of_fields


def test_maps_and_transformed_targets(tmp_path):
    """A target on a grid with land, and a model inside a transformer of targets."""
    xr = pytest.importorskip("xarray")
    rng = np.random.default_rng(0)
    time = np.arange("1950-01", "1960-01", dtype="M8[M]").astype("M8[ns]")
    X = rng.normal(size=(120, 1, 6, 7))
    y = X[:, 0, :3, :3].mean(axis=(1, 2))[:, None, None] * np.hanning(6)[:, None] * np.hanning(8)
    y[:, 0] = np.nan
    model = MRTLRegressor(target=Grid("rain", (6, 8)), rank=1).fit(X, y)
    page = report(model, X, y, tmp_path / "a.html").read_text(encoding="utf-8")
    inner = np.s_[:, 1:5, 1:7]  # the target never changes along the edges
    r2 = r2_score(y[inner].reshape(120, -1), model.predict(X)[inner].reshape(120, -1))
    assert "6 x 8 outputs" in page and f"<td>this model</td><td>{r2:.3f}</td>" in page
    fields = xr.DataArray(X, {"time": time}, ("time", "lag", "lat", "lon"))
    series = xr.DataArray(X[:, 0, 0, 0], {"time": time}, ("time",))
    inside = make_pipeline(Deseasonalizer(), DeseasonalizedTargetRegressor(MRTLRegressor(rank=1))).fit(fields, series)
    page = report(inside, fields, series, tmp_path / "a.html").read_text(encoding="utf-8")
    assert f"<td>this model</td><td>{r2_score(series, inside.predict(fields)):.3f}</td>" in page


def test_references_of_another_shape(ocean, ocean_model, tmp_path):
    with pytest.raises(ValueError, match=r"predictions of 'a' in references must have shape \(300,\), got \(3,\)"):
        report(ocean_model, ocean.data, ocean.target, tmp_path / "a.html", references={"a": [1, 2, 3]})
    assert not (tmp_path / "a.html").exists()


def test_a_phone_shows_it_and_screen_readers_name_it(ocean, ocean_model, tmp_path):
    bands = factor_bands(ocean_model, ocean.data, ocean.target, n_resamples=3, random_state=0)
    page = report(ocean_model, ocean.data, ocean.target, tmp_path / "page.html", bands=bands).read_text(
        encoding="utf-8"
    )
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    n_pictures = len(pictures(page))
    assert page.count('<div class="scroll">') == 4 + n_pictures == 4 + page.count("min-width") and 'alt=""' not in page
    assert '<img alt="Components"' in page
    plain = report(ocean_model, ocean.data, ocean.target, tmp_path / "plain.html").read_text(encoding="utf-8")
    assert headings(page) == headings(plain) and pictures(page)[0] != pictures(plain)[0]  # bands are in the components


def test_terms_of_a_single_mode_have_pictures_of_their_bands(tmp_path):
    rng = np.random.default_rng(0)
    table = np.stack([rng.integers(4, size=200), rng.integers(5, size=200)], axis=1)
    y = table.sum(axis=1) + rng.normal(size=200)
    model = make_pipeline(ModeEncoder(["row", "column"]), MRTLRegressor(rank=1, alpha_l2=0.1, terms=["row", "column"]))
    frame = pytest.importorskip("pandas").DataFrame(table, columns=["row", "column"])
    bands = factor_bands(model.fit(frame, y), frame, y, n_resamples=3, random_state=0)
    page = report(model, frame, y, tmp_path / "page.html", bands=bands).read_text(encoding="utf-8")
    highest = model[-1].tensor_.name
    assert f"Components of {highest}" in headings(page)
    assert headings(page)[-1:] == [f"Bands of {name}" for name in ("row", "column") if name != highest]


def test_a_warning_of_the_rows_comes_once(tmp_path):
    rng = np.random.default_rng(0)
    table = np.stack([rng.integers(4, size=200), rng.integers(5, size=200)], axis=1)
    y = table.sum(axis=1) + rng.normal(size=200)
    encode = ModeEncoder([("row", 0), ("column", 1)], handle_unknown="ignore")
    model = make_pipeline(encode, MRTLRegressor(rank=1, alpha_l2=0.1)).fit(table, y)
    table[3, 0] = 9
    with pytest.warns(UserWarning) as caught:
        report(model, table, y, tmp_path / "page.html")
    assert ["no category of fit" in str(warning.message) for warning in caught] == [True]
