"""Maps of predictions and of skill."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid, MRTLRegressor
from sklearn_mrtl._utils.skill import skill_of
from sklearn_mrtl.inspection import PredictionDisplay, SkillDisplay
from sklearn_mrtl.preprocessing import ModeEncoder

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

COURT = Grid("court", (5, 4), bounds=[(0, 10), (0, 12)])
RNG = np.random.default_rng(0)
X = RNG.uniform(0, 10, (300, 3))  # skill, x, y
MADE = X[:, 0] + X[:, 1] - 0.3 * X[:, 2] > 8


def one_by_one(predict, skill):
    """Predictions for each cell of the court, x to the right and y upwards."""
    x, y = COURT.centers()
    return np.array([[predict([[skill, a, b]])[0] for a in x] for b in y])


def test_probabilities_of_two_players():
    model = LogisticRegression().fit(X, MADE)
    display = PredictionDisplay.from_estimator(model, [[2, 0, 0], [8, 0, 0]], COURT, [1, 2], names=["weak", "strong"])
    for panel, image, skill in zip(display.axes_.flat, display.images_, [2, 8], strict=True):
        expected = one_by_one(lambda row: model.predict_proba(row)[:, 1], skill)
        np.testing.assert_allclose(image.get_array(), expected)
        assert image.get_extent() == [0, 10, 0, 12]
        assert panel.get_title() == {2: "weak", 8: "strong"}[skill]
    other = PredictionDisplay.from_estimator(model, [[2, 0, 0]], COURT, [1, 2], target=False)
    np.testing.assert_allclose(other.values[0], 1 - display.values[0])
    assert other.colorbar_.ax.get_ylabel() == "probability of False"
    named = PredictionDisplay.from_estimator(model, [[2, 0, 0]], COURT, [1, 2], quantity="probability of a miss")
    assert named.colorbar_.ax.get_ylabel() == "probability of a miss"


def test_a_table_with_names_and_a_reference():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=["skill", "x", "y"])
    model = LinearRegression().fit(table, MADE)
    display = PredictionDisplay.from_estimator(
        model, table[:2], COURT, ["x", "y"], reference=table[2:3], limits=(-1, 1),
        decorate=lambda ax: ax.set_label("seen"),
    )  # fmt: skip
    np.testing.assert_allclose(display.values[1], np.full((4, 5), (table.skill[1] - table.skill[2]) * model.coef_[0]))
    assert display.colorbar_.ax.get_ylabel() == "difference of the prediction"
    assert display.images_[0].get_clim() == (-1, 1) and display.ax_.get_label() == "seen"
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("x", "y")
    assert table.x[0] == X[0, 1]  # the table is what it was


def test_a_table_of_polars_is_drawn_as_one_of_pandas():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    shots = pd.DataFrame({"player": ["Ann", "Bo"] * 150, "team": ["a"] * 300, "x": X[:, 1], "y": X[:, 2]})
    encoder = ModeEncoder(["player", (COURT, ["x", "y"])])
    model = make_pipeline(encoder, MRTLRegressor(terms=["player", "court"])).fit(
        shots, X[:, 1] + (shots.player == "Bo")
    )
    tables = shots[:2], pl.DataFrame(shots[:2].to_dict("list"))
    first, second = (PredictionDisplay.from_estimator(model, rows, COURT, ["x", "y"]) for rows in tables)
    np.testing.assert_array_equal(first.values, second.values)
    assert [ax.get_title() for ax in first.axes_.flat] == [ax.get_title() for ax in second.axes_.flat] == ["Ann", "Bo"]
    assert tables[1]["x"][0] == X[0, 1]


def test_several_outputs_over_a_grid_and_at_positions():
    y = np.stack([X[:, 0], X[:, 1] - X[:, 2], X[:, 2]], axis=1)
    model = LinearRegression().fit(X, y)
    display = PredictionDisplay.from_estimator(model, [[5.0, 0, 0]], COURT, [1, 2], target=1)
    np.testing.assert_allclose(display.values[0], one_by_one(lambda row: model.predict(row)[:, 1], 5))
    positions = [(-90.0, 40.0), (-100.0, 45.0), (-95.0, 42.0)]
    at_places = PredictionDisplay.from_estimator(model, X[:2], positions=positions)
    np.testing.assert_allclose(at_places.values, y[:2])
    assert len(at_places.images_[1].get_offsets()) == 3


def test_predictions_that_are_maps():
    class Maps(LinearRegression):
        def predict(self, X):
            return super().predict(X).reshape(len(X), 3, 4)

    model = Maps().fit(X, X @ RNG.normal(size=(3, 12)))
    display = PredictionDisplay.from_estimator(model, X[:3], extent=[(30, 0), (0, 40)])
    np.testing.assert_allclose(display.images_[2].get_array(), model.predict(X[2:3])[0][::-1])  # north is up
    end = np.percentile(display.values, [1, 99])
    assert display.images_[0].get_clim() == pytest.approx(tuple(end)) and display.colorbar_.extend == "both"


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        ((Grid("line", 5, bounds=(0, 1)), [1, 2]), {}, "grid must be a Grid of two axes with bounds, got Grid"),
        ((COURT,), {}, "columns must be the two columns with the position on grid 'court', got None"),
        ((COURT, [1, 2]), {"names": ["a", "b"]}, "names needs 1 names"),
        ((COURT, [1, 2]), {"target": "maybe"}, "target must be one of the classes"),
        ((), {}, "To move the rows of a table over a grid, give grid and columns"),
    ],
)
def test_bad_input(arguments, options, message):
    model = LogisticRegression().fit(X, MADE)
    with pytest.raises(ValueError, match=message):
        PredictionDisplay.from_estimator(model, X[:1], *arguments, **options)


def test_skill_is_that_of_scikit_learn():
    y = np.stack([X[:, 0], X[:, 1] ** 2, RNG.normal(size=300)], axis=1)
    y_pred = cross_val_predict(Ridge(), X[:, :1], y, cv=KFold(8))
    display = SkillDisplay.from_estimator(Ridge(), X[:, :1], y)
    np.testing.assert_allclose(display.skill, r2_score(y, y_pred, multioutput="raw_values"))
    correlation = SkillDisplay.from_predictions(y, y_pred, metric="correlation", names=["a", "b", "c"])
    np.testing.assert_allclose(correlation.skill, [np.corrcoef(y[:, k], y_pred[:, k])[0, 1] for k in range(3)])
    assert [tick.get_text() for tick in correlation.ax_.get_yticklabels()] == ["a", "b", "c"]
    widths = [bar.get_width() for bar in correlation.ax_.patches]
    np.testing.assert_allclose(widths, correlation.skill)
    points = display.axes_[1].collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 0], y_pred.ravel())


def test_skill_against_a_reference_with_gaps():
    y, y_pred, reference = RNG.normal(size=(3, 50, 2, 3))
    y[:10, 0, 0] = y_pred[10:20, 0, 0] = np.nan
    y[:, 1, 2] = np.nan
    y[:, 1, 1] = 1.0  # never changes
    skill = skill_of(y, y_pred, reference=reference)
    errors = [np.square(y[20:, 0, 0] - other[20:, 0, 0]).sum() for other in (y_pred, reference)]
    assert skill[0, 0] == pytest.approx(1 - errors[0] / errors[1])
    assert np.isnan(skill[1, 2]) and np.isnan(skill_of(y, y_pred)[1, 1])
    display = SkillDisplay.from_predictions(y, y_pred, reference=reference, extent=[(0, 2), (0, 3)])
    np.testing.assert_array_equal(np.ma.getmaskarray(display.ax_.images[0].get_array()), np.isnan(skill))
    assert f"skill: mean {np.nanmean(skill):.2g}, " in display.ax_.get_title()
    assert display.colorbar_.ax.get_ylabel() == "skill"


def test_skill_of_one_output_and_of_many_points():
    y = RNG.normal(size=5000)
    display = SkillDisplay.from_predictions(y, y + RNG.normal(size=5000))
    assert len(display.axes_) == 1 and display.ax_.get_title() == f"R² {display.skill:.2g}"
    assert display.ax_.collections[0].get_array().sum() > 0  # a density


def test_bad_skill():
    y = np.ones((5, 2))
    with pytest.raises(ValueError, match=r"y_pred must have the shape of y_true, \(5, 2\), got \(5,\)"):
        SkillDisplay.from_predictions(y, y[:, 0])
    for metric in ("rmse", "skill"):
        with pytest.raises(ValueError, match="metric must be 'r2' or 'correlation', or 'skill' with a reference"):
            SkillDisplay.from_predictions(y, y, metric=metric)
    with pytest.raises(ValueError, match="reference is for metric='r2'"):
        SkillDisplay.from_predictions(y, y, metric="correlation", reference=y)
    with pytest.raises(ValueError, match="names needs 2 names, one for each output, got 1"):
        SkillDisplay.from_predictions(RNG.normal(size=(5, 2)), y, names=["a"])


def test_places_on_the_globe_are_labelled_so():
    y = RNG.normal(size=(40, 3))
    positions = [(-90, 40), (-100, 45), (-80, 30)]
    ax = SkillDisplay.from_predictions(y, y + 1, positions=positions, geographic=True).ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("longitude (°E)", "latitude (°N)")
    names = ["north", "east"]
    ax = SkillDisplay.from_predictions(y, y + 1, positions=positions, axis_labels=names).ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("east", "north")
    ax = PredictionDisplay(y[:1], positions=positions, geographic=True).plot().ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("longitude (°E)", "latitude (°N)")


def test_rows_of_a_table_are_named_by_what_tells_them_apart():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(
        {"player": ["Ann", "Ann", "Bo"], "kind": ["jump", "hook", "jump"], "half": 1, "x": 0.0, "y": 0.0}
    )

    class Constant(LinearRegression):
        def predict(self, rows):
            return np.zeros(len(rows))

    model = Constant().fit(X, X[:, 0])

    def titles(rows, **options):
        display = PredictionDisplay.from_estimator(model, rows, COURT, ["x", "y"], **options)
        return [panel.get_title() for panel in display.axes_.flat if panel is not None]

    assert titles(table) == ["Ann, jump", "Ann, hook", "Bo, jump"]
    assert titles(table[:2].assign(x=[1.0, 2.0])) == ["jump", "hook"]
    assert titles(table[:2], names=["a", "b"]) == ["a", "b"]
    assert titles(table[:1]) == [""] and titles(table[["x", "y"]]) == ["", "", ""]


def test_outputs_have_their_own_names():
    xr, pd = pytest.importorskip("xarray"), pytest.importorskip("pandas")
    y = RNG.normal(size=(30, 3))
    labelled = xr.DataArray(y, {"division": ["north", "south", "west"]}, ("time", "division"))
    expected = skill_of(y, y + 0.1 * y[::-1])
    for truth in (labelled, pd.DataFrame(y, columns=["north", "south", "west"])):
        display = SkillDisplay.from_predictions(truth, y + 0.1 * y[::-1])
        assert [tick.get_text() for tick in display.axes_[0].get_yticklabels()] == ["north", "south", "west"]
        np.testing.assert_allclose([bar.get_width() for bar in display.axes_[0].patches], expected)
    assert SkillDisplay.from_predictions(labelled, y).axes_[0].get_ylabel() == "division"
    moved = (labelled + 0.1 * y[::-1])[:, ::-1]  # predictions with names, in another order
    np.testing.assert_allclose(SkillDisplay.from_predictions(labelled, moved).skill, expected)
    with pytest.raises(ValueError, match="y_pred must have the labels"):
        SkillDisplay.from_predictions(labelled, labelled.assign_coords(division=["north", "south", "east"]))


def test_maps_of_skill_have_their_own_coordinates():
    xr = pytest.importorskip("xarray")
    coords = {"lat": [45.0, 35.0, 25.0], "lon": np.arange(4) * 10.0}
    y = xr.DataArray(RNG.normal(size=(30, 3, 4)), coords, ("time", "lat", "lon"))
    display = SkillDisplay.from_predictions(y, y + 0.1)
    (image,) = display.axes_[0].images
    assert image.get_extent() == [-5, 35, 20, 50]
    np.testing.assert_allclose(image.get_array(), display.skill[::-1])  # the first row of y is the northernmost
    assert (display.axes_[0].get_xlabel(), display.axes_[0].get_ylabel()) == ("longitude (°E)", "latitude (°N)")
