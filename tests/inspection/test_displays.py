"""The structure of pictures: axes, extents, blank cells, scales, labels."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.inspection import FactorDisplay, HistoryDisplay, draw_court, draw_handler
from sklearn_mrtl.inspection._court import court_lines
from sklearn_mrtl.inspection._figures import arrange
from sklearn_mrtl.preprocessing import ModeEncoder, PolarPosition

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
ROOT = Path(__file__).parents[2]


def drawn(display):
    return [ax for ax in display.axes_.flat if ax is not None]


def test_maps_of_fields(ocean, ocean_model):
    display = FactorDisplay.from_estimator(ocean_model, percentile=100)
    assert len(drawn(display)) == len(display.images_) == 3
    assert len(display.figure_.axes) == 4  # and one colour bar
    for k, (ax, image) in enumerate(zip(drawn(display), display.images_, strict=True)):
        assert image.get_extent() == [-180, 0, -20, 60]
        assert image.get_clim() == (-1, 1)
        assert ax.get_aspect() == 1
        assert ax.get_title().startswith(f"component {k}\n")
        values = image.get_array()
        np.testing.assert_array_equal(np.ma.getmaskarray(values), ~ocean.ocean)
        assert np.abs(values).max() == pytest.approx(1)
        factor = ocean_model.factors_["ocean"][..., k]
        np.testing.assert_allclose(values.filled(0), np.nan_to_num(factor / np.nanmax(np.abs(factor))))
        assert ax.get_facecolor()[0] == pytest.approx(0.88)  # land
        assert image.cmap(np.ma.masked)[3] == 0
    assert "ocean" in display.colorbar_.ax.get_ylabel()


def test_coordinates_that_descend(outputs_model):
    model, X = outputs_model
    display = FactorDisplay.from_estimator(model, components=0, percentile=100)
    (image,) = display.images_
    np.testing.assert_allclose(image.get_extent(), [0, 180, -40, 40])
    factor = model.factors_["sea"][..., 0]
    np.testing.assert_allclose(image.get_array(), factor[::-1] / np.abs(factor).max())  # north is up
    assert display.ax_.get_xlabel() == "longitude (°E)"
    assert display.ax_.get_ylabel() == "latitude (°N)"


def test_units_of_coordinates(outputs_model):
    """Those that X's coordinates state; long_name before standard_name before what the name tells."""
    model, X = outputs_model
    X = X.assign_coords(
        lat=X.lat.assign_attrs(units="degrees_north"),
        lon=X.lon.assign_attrs(long_name="longitude of the cell", standard_name="longitude", units="degrees_east"),
        variable=X["variable"].assign_attrs(long_name="measured variable", units="1"),
    )
    model = clone(model).fit(X, X.values[:, 0, 0, :2])
    display = FactorDisplay.from_estimator(model, components=0)
    assert display.ax_.get_xlabel() == "longitude of the cell (°E)"
    assert display.ax_.get_ylabel() == "latitude (°N)"
    assert FactorDisplay.from_estimator(model, "variable", components=0).ax_.get_ylabel() == "measured variable"
    X.lat.attrs, X["variable"].attrs = {"standard_name": "grid_latitude"}, {"units": "kind"}
    model.fit(X, X.values[:, 0, 0, :2])
    assert FactorDisplay.from_estimator(model, components=0).ax_.get_ylabel() == "grid latitude (°N)"
    assert FactorDisplay.from_estimator(model, "variable", components=0).ax_.get_ylabel() == "variable (kind)"


def test_maps_of_coordinates(shots_model):
    model = shots_model[-1]
    display = FactorDisplay.from_estimator(
        shots_model, "court", axis_labels=["length (ft)", "width (ft)"], percentile=100
    )
    for k, image in enumerate(display.images_):
        assert image.get_extent() == [0, 40, 0, 50]
        factor = model.factors_["court"][..., k]
        np.testing.assert_allclose(image.get_array(), factor.T / np.abs(factor).max())
    assert display.axes_[-1, 0].get_xlabel() == "length (ft)"
    assert display.axes_[0, 0].get_ylabel() == "width (ft)"
    other = FactorDisplay.from_estimator(shots_model, "court", transpose=False)
    assert other.images_[0].get_extent() == [0, 50, 0, 40]


def test_one_scale_for_all(ocean_model):
    display = FactorDisplay.from_estimator(ocean_model, normalize=False, percentile=100, colorbar=False)
    largest = np.nanmax(np.abs(ocean_model.factors_["ocean"]))
    assert all(image.get_clim() == pytest.approx((-largest, largest)) for image in display.images_)
    assert display.colorbar_ is None


def test_bars(ocean_model):
    display = FactorDisplay.from_estimator(ocean_model, "variable", category_names=["t", "s", "u"])
    for k, ax in enumerate(drawn(display)):
        factor = ocean_model.factors_["variable"][:, k]
        widths = [bar.get_width() for bar in ax.patches]
        np.testing.assert_allclose(widths, factor / np.abs(factor).max())
    assert [tick.get_text() for tick in drawn(display)[0].get_yticklabels()] == ["t", "s", "u"]
    assert display.colorbar_ is None


def test_names_of_levels_from_coordinates(outputs_model):
    model, _ = outputs_model
    display = FactorDisplay.from_estimator(model, "variable", components=0)
    assert [tick.get_text() for tick in display.ax_.get_yticklabels()] == ["t", "s", "u"]
    assert len(FactorDisplay.from_estimator(model, "output", components=0).ax_.patches) == 2


def test_names_of_categories_from_the_steps_before(shots, shots_model):
    def names(estimator):
        ticks = FactorDisplay.from_estimator(estimator, "player").ax_.get_yticklabels()
        return [tick.get_text() for tick in ticks]

    assert names(shots_model) == ["0.0", "1.0", "2.0", "3.0"]
    assert names(shots_model[-1]) == ["0", "1", "2", "3"]
    pd = pytest.importorskip("pandas")
    columns = [f"player_{name}" for name in ("Ann", "Bo", "Cy", "Di")] + [f"court_{cell}" for cell in range(180 + 144)]
    encoded = pd.DataFrame(shots_model[0].transform(shots.data).toarray(), columns=columns)
    assert names(clone(shots_model[-1]).fit(encoded, shots.target)) == ["Ann", "Bo", "Cy", "Di"]
    nameless = make_pipeline(FunctionTransformer(), shots_model[-1])
    assert names(nameless) == ["0", "1", "2", "3"]


def test_bars_are_the_factor(shots_model):
    display = FactorDisplay.from_estimator(shots_model, "player", components=1, normalize=False)
    widths = [bar.get_width() for bar in display.ax_.patches]
    np.testing.assert_allclose(widths, shots_model[-1].factors_["player"][:, 1])


def test_many_levels_are_dots():
    factor = np.linspace(-1, 1, 100)[:, None]
    display = FactorDisplay(factor, components=[0], mode="player", category_names=list(map(str, range(100))))
    display.plot(n_extremes=None)
    assert len(display.ax_.collections[0].get_offsets()) == 100
    assert display.ax_.get_xlabel() == "player"


def test_the_largest_and_the_smallest_of_many_categories():
    factor = np.linspace(-1, 1, 100)[::-1, None]
    display = FactorDisplay(factor, components=[0], mode="player", category_names=list(map(str, range(100))))
    display.plot(n_extremes=2)
    names = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert names == ["0", "1", "(96 more)", "98", "99"]
    assert display.ax_.get_xlabel() == "relative weight" and display.ax_.get_ylabel() == "player"


def test_each_panel_names_its_own_extremes():
    factor = np.stack([np.linspace(1, -1, 100), np.linspace(-1, 1, 100)], axis=1)
    display = FactorDisplay(factor, components=[0, 1], mode="player", category_names=list(map(str, range(100))))
    display.plot(n_extremes=20)
    first, second = display.axes_.flat
    names = [tick.get_text() for tick in second.get_yticklabels()]
    assert names[:2] == ["99", "98"] and names[20] == "(60 more)" and names[-1] == "0"
    assert second.yaxis.get_tick_params()["labelleft"]
    assert [bar.get_width() for bar in second.patches][0] == first.patches[0].get_width() == 1
    display.figure_.draw_without_rendering()
    tops = [tick.get_window_extent() for tick in second.get_yticklabels()]
    assert all(above.y0 >= below.y1 - 1 for above, below in zip(tops, tops[1:], strict=False))


def test_categories_without_a_value_are_among_those_left_out():
    factor = np.full((100, 1), np.nan)
    factor[:3, 0] = 1, -1, 0.5
    display = FactorDisplay(factor, components=[0], mode="player", category_names=list(map(str, range(100)))).plot()
    assert [tick.get_text() for tick in display.ax_.get_yticklabels()] == ["0", "(98 more)", "1"]


def test_categories_with_positions_are_points_on_a_map(outputs_model):
    model, _ = outputs_model
    positions = [(-90.0, 40.0), (-100.0, 45.0)]
    display = FactorDisplay.from_estimator(model, "output", positions=positions, components=0)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("longitude (°E)", "latitude (°N)")  # as the sea's
    points = display.images_[0]
    values = dict(zip(map(tuple, points.get_offsets().data), points.get_array(), strict=True))
    factor = model.factors_["output"][:, 0]
    end = np.percentile(np.abs(factor), 99)
    for position, value in zip(positions, factor, strict=True):
        assert values[position] == pytest.approx(value / end)
    assert display.colorbar_ is not None
    with pytest.raises(ValueError, match=r"positions must be \(x, y\) of each category .*'variable' has 3 categories"):
        FactorDisplay.from_estimator(model, "variable", positions=positions)
    with pytest.raises(ValueError, match="'sea' is a Grid of 2 axes"):
        FactorDisplay.from_estimator(model, "sea", positions=positions)


def test_curves():
    made = make_ocean(100, shape=20, random_state=0)
    model = MRTLRegressor(made.modes, rank=2, max_epochs=5).fit(made.data, made.target)
    display = FactorDisplay.from_estimator(model)
    curve = drawn(display)[0].lines[-1]
    np.testing.assert_allclose(curve.get_xdata(), -180 + 9 * (np.arange(20) + 0.5))
    np.testing.assert_array_equal(np.isnan(curve.get_ydata()), ~made.ocean)
    assert drawn(display)[0].get_xlim() == (-180, 0)


def test_slices():
    made = make_ocean(100, shape=(6, 6, 12), random_state=0)
    model = MRTLRegressor(made.modes, rank=2, max_epochs=5).fit(made.data, made.target)
    display = FactorDisplay.from_estimator(model, n_slices=3, percentile=100)
    assert display.axes_.shape == (2, 3)
    factor = model.factors_["ocean"][..., 1]
    np.testing.assert_array_equal(display.images_[4].get_array().mask, np.isnan(factor[3]))
    np.testing.assert_allclose(
        display.images_[4].get_array().filled(0), np.nan_to_num(factor[3] / np.nanmax(np.abs(factor)))
    )
    assert "component 1" in drawn(display)[4].get_title()
    assert display.images_[0].get_extent() == [-180, 0, -20, 60]


@pytest.mark.parametrize("n", range(1, 21))
@pytest.mark.parametrize("shape", [0.5, 1.0, 2.25])
def test_panels_fill_their_figure(n, shape):
    rows, columns = arrange(n, shape)
    assert (rows - 1) * columns < n <= rows * columns
    assert rows * columns <= 1.5 * n
    assert 0.3 < columns * shape / rows < 6


def test_twenty_components_do_not_overlap():
    factor = np.random.default_rng(0).normal(size=(8, 10, 20))
    display = FactorDisplay(factor, components=range(20), mode="sea").plot(decorate=draw_court)
    display.figure_.canvas.draw()
    boxes = [ax.get_tightbbox() for ax in drawn(display)]
    for i, box in enumerate(boxes):
        for other in boxes[i + 1 :]:
            overlap = mpl.transforms.Bbox.intersection(box, other)
            assert overlap is None or min(overlap.width, overlap.height) < 2


def test_given_axes(ocean_model):
    figure, axes = plt.subplots(1, 2)
    display = FactorDisplay.from_estimator(ocean_model, components=[0, 2], ax=axes)
    assert drawn(display) == list(axes)
    assert display.figure_ is figure
    figure, ax = plt.subplots()
    display = FactorDisplay.from_estimator(ocean_model, ax=ax)
    assert display.ax_ is ax
    assert len(drawn(display)) == 3
    one = FactorDisplay.from_estimator(ocean_model, components=1, ax=plt.figure().add_subplot())
    assert one.ax_ is drawn(one)[0]
    with pytest.raises(ValueError, match="ax must be one Axes or 3"):
        FactorDisplay.from_estimator(ocean_model, ax=axes)


@pytest.mark.parametrize("is_row", [True, False])
def test_outer_axes_have_labels(ocean_model, is_row):
    _, axes = plt.subplots(*((1, 3) if is_row else (3, 1)))
    display = FactorDisplay.from_estimator(ocean_model, ax=axes, axis_labels=["north", "east"])
    shown = [(panel.get_xlabel(), panel.get_ylabel()) for panel in drawn(display)]
    middle, last = (("east", ""), ("east", "")) if is_row else (("", "north"), ("east", "north"))
    assert shown == [("east" if is_row else "", "north"), middle, last]


def test_long_labels_of_low_panels_are_broken():
    factor = np.random.default_rng(0).normal(size=(8, 18, 6))
    names = ["latitude (degrees_north)", "longitude (degrees_east)"]
    display = FactorDisplay(factor, components=range(6), mode="sea", axis_labels=names).plot()
    assert display.ax_.get_ylabel() == "latitude\n(degrees_north)"
    display.figure_.canvas.draw()
    boxes = [panel.yaxis.label.get_window_extent() for panel in display.axes_[:, 0]]
    assert all(low.y1 < high.y0 for high, low in zip(boxes[:-1], boxes[1:], strict=True))
    alone = FactorDisplay(factor[..., :1], components=[0], mode="sea", axis_labels=names).plot()
    assert alone.ax_.get_ylabel() == names[0]


def test_bad_input(ocean, ocean_model):
    draw = FactorDisplay.from_estimator
    with pytest.raises(ValueError, match="mode must be one of"):
        draw(ocean_model, "sea")
    with pytest.raises(ValueError, match="components must be among the model's 3"):
        draw(ocean_model, components=3)
    with pytest.raises(ValueError, match="category_names needs 3 names"):
        draw(ocean_model, "variable", category_names=["t"])
    with pytest.raises(ValueError, match="category_names are for Features"):
        draw(ocean_model, "ocean", category_names=["t"])
    with pytest.raises(ValueError, match="axis_labels needs 2 names"):
        draw(ocean_model, "ocean", axis_labels=["lat"])


@pytest.mark.parametrize("x", ["epoch", "seconds"])
def test_history(shots_model, x):
    model = shots_model[-1]
    display = HistoryDisplay.from_estimator(shots_model, x=x)
    assert display.axes_.shape == (4, 1)
    levels = list({(record["level"], record["phase"]) for record in model.history_})
    for ax in display.axes_.flat:
        assert sum(line.get_gid() == "level end" for line in ax.lines) == len(levels) - 1
    assert len(display.level_axis_.get_xticklabels()) == len(levels)
    losses = display.lines_["loss"]
    values = np.concatenate([line.get_ydata() for line in losses])
    expected = [record[key] for key in ("train_loss", "validation_loss") for record in model.history_]
    np.testing.assert_allclose(values, expected)
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["training", "validation"]
    assert display.axes_[-1, 0].get_xlabel().startswith(x)


def test_history_without_validation(ocean_model):
    display = HistoryDisplay.from_estimator(ocean_model, values="loss")
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["training"]
    with pytest.raises(ValueError, match="values must be among"):
        HistoryDisplay.from_estimator(ocean_model, values="accuracy")
    with pytest.raises(ValueError, match="x must be one of"):
        HistoryDisplay.from_estimator(ocean_model, x="steps")


@pytest.mark.parametrize("x", ["epoch", "seconds"])
def test_names_of_levels_keep_clear_of_the_title_and_of_one_another(x):
    """Eight levels, the first seven done in a twentieth of the time."""
    history = [
        {"level": k, "phase": "low_rank", "resolution": {"sea": (5 * 2**k, 10 * 2**k)}, "seconds": seconds,
         "train_loss": 1 / (k + 1), "validation_loss": np.nan}
        for k, seconds in enumerate([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 14.0])
    ]  # fmt: skip
    figure, ax = plt.subplots()
    display = HistoryDisplay(history).plot(x=x, values="loss", ax=ax)
    title = ax.set_title("Training")
    figure.canvas.draw()
    names = display.level_axis_.get_xticklabels()
    assert title.get_window_extent().y0 > max(name.get_window_extent().y1 for name in names) - 1
    places = [ax.transData.transform((name.get_position()[0], 0))[0] for name in names]
    assert np.diff(places).min() > 20 * figure.dpi / 72
    assert places[0] > ax.get_window_extent().x0 and places[-1] <= ax.get_window_extent().x1 + 1


@pytest.mark.parametrize(
    ("orientation", "basket", "extent"), [("up", (0, 5.25), (-25, 25, 0, 47)), ("right", (5.25, 25), (0, 47, 0, 50))]
)
def test_court(orientation, basket, extent):
    _, ax = plt.subplots()
    lines = draw_court(ax, orientation=orientation).get_segments()
    points = np.concatenate(lines)
    np.testing.assert_allclose([*points.min(0), *points.max(0)], np.array(extent)[[0, 2, 1, 3]])
    rim = min(lines, key=lambda line: np.ptp(line, axis=0).max())
    np.testing.assert_allclose((rim.min(0) + rim.max(0)) / 2, basket, atol=0.01)
    assert ax.get_aspect() == 1


def test_three_point_line():
    three = max(court_lines(), key=len)
    apart = np.linalg.norm(three[1:-1] - (0, 5.25), axis=1)
    np.testing.assert_allclose(apart, 23.75)
    assert np.abs(three[:, 0]).max() == pytest.approx(22, abs=2)
    np.testing.assert_allclose(three[[0, -1]], [(-22, 0), (22, 0)])
    np.testing.assert_allclose(np.abs(three[[1, -2], 0]), 22)


def test_court_keeps_what_is_shown():
    _, (ax, other) = plt.subplots(1, 2)
    ax.imshow(np.zeros((4, 4)), extent=(0, 40, 0, 50))
    draw_court(ax)
    assert ax.get_xlim() == (0, 40)
    other.imshow(np.zeros((4, 4)), extent=(-25, 25, 0, 40))
    segments = draw_court(other).get_segments()
    assert min(line.min() for line in segments) == -25
    with pytest.raises(ValueError, match="orientation must be one of"):
        draw_court(ax, orientation="left")


def test_handler():
    _, ax = plt.subplots()
    dot, _, box = draw_handler(ax)
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (0, 0)
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (-6, -2, 12, 12)
    assert len(draw_handler(ax, bounds=None)) == 2


@pytest.mark.parametrize(
    "call", ["FactorDisplay.from_estimator(None)", "HistoryDisplay.from_estimator(None)", "draw_court()"]
)
def test_without_matplotlib_the_error_names_the_extra(call):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from sklearn_mrtl.inspection import *\n"
        f"try:\n    {call}\nexcept ImportError as error:\n    assert 'sklearn-mrtl[plot]' in str(error), error\n"
        "else:\n    raise AssertionError"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_axes_that_are_in_no_grid(ocean_model):
    figure = plt.figure()
    alone = [figure.add_axes([0.1, 0.1 + 0.3 * k, 0.8, 0.2]) for k in range(3)]
    with pytest.raises(ValueError, match="ax is not in a grid and cannot be divided into 3 panels; give one for each"):
        FactorDisplay.from_estimator(ocean_model, ax=alone[0])
    display = FactorDisplay.from_estimator(ocean_model, ax=alone, axis_labels=["north", "east"])
    assert [(panel.get_xlabel(), panel.get_ylabel()) for panel in drawn(display)] == [("east", "north")] * 3


def test_maps_that_fill_their_panels(ocean_model):
    display = FactorDisplay.from_estimator(ocean_model, aspect="auto")
    assert {panel.get_aspect() for panel in drawn(display)} == {"auto"}


POLAR = Grid("court", (11, 8), bounds=[(0, 44), (-180, 180)], periodic=(False, True))


def polar_display(factor, **options):
    return FactorDisplay(factor, components=[0], mode="court", extent=POLAR.bounds, origin=(5.25, 25), **options)


def test_polar_cells_are_wedges_of_the_plane():
    """The colour of every place is that of the cell that its distance and angle fall into."""
    factor = np.random.default_rng(0).normal(size=(*POLAR.shape, 1))
    factor[3, 2] = np.nan
    display = polar_display(factor, axis_labels=["feet from the sideline", "feet from the baseline"]).plot(
        percentile=100
    )
    (mesh,) = display.images_
    assert mesh.get_clim() == (-1, 1) and display.ax_.get_aspect() == 1
    np.testing.assert_allclose([*display.ax_.get_xlim(), *display.ax_.get_ylim()], [-38.75, 49.25, -19, 69])
    assert display.ax_.get_xlabel() == "feet from the baseline"
    assert "court" in display.colorbar_.ax.get_ylabel() and display.colorbar_.mappable is mesh
    values, corners = mesh.get_array(), mesh.get_coordinates()  # (rings, pieces), (rings + 1, pieces + 1, 2)
    centres = (corners[1:, 1:] + corners[1:, :-1] + corners[:-1, 1:] + corners[:-1, :-1]) / 4
    assert (np.linalg.norm(np.diff(corners[-1], axis=0), axis=1) < 3).all()  # feet: no corners but a circle
    for (ring, piece), value in np.ndenumerate(values.filled(np.nan)):
        x, y = centres[ring, piece] - (5.25, 25)
        cell = int(np.hypot(x, y) // 4), int((np.degrees(np.arctan2(y, x)) + 180) // 45)
        assert value == pytest.approx(factor[*cell, 0] / np.nanmax(np.abs(factor)), nan_ok=True)
    assert mesh.cmap(np.ma.masked)[0] == pytest.approx(0.88)  # land


@pytest.mark.parametrize("bounds, sides", [((0, 90), (1, 5, 2, 6)), ((90, 270), (-3, 1, -2, 6))])
def test_part_of_a_circle(bounds, sides):
    factor = np.ones((2, 3, 1))
    ax = FactorDisplay(factor, components=[0], mode="sector", extent=[(0, 4), bounds], origin=(1, 2)).plot().ax_
    np.testing.assert_allclose([*ax.get_xlim(), *ax.get_ylim()], sides)


def test_polar_maps_of_a_model(shots):
    encode = ModeEncoder([("player", 0, "one-hot"), (POLAR, [1, 2], PolarPosition((5.25, 25)))])
    model = make_pipeline(encode, MRTLClassifier(terms=None, rank=2, max_epochs=5)).fit(shots.data, shots.target)
    display = FactorDisplay.from_estimator(
        model, "court", origin=(5.25, 25), axis_labels=["along", "across"], percentile=100
    )
    assert len(display.images_) == 2
    factor = model[-1].factors_["court"][..., 1]
    repeats = display.images_[1].get_array().shape[1] // 8
    np.testing.assert_allclose(display.images_[1].get_array()[:, ::repeats], factor / np.abs(factor).max())
    assert (display.ax_.get_xlabel(), display.axes_.flat[0].get_ylabel()) == ("along", "across")
    display = FactorDisplay.from_estimator(model, "court", components=0, origin=(5.25, 25))
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("x", "y")
    for mode, options, message in [
        ("player", {}, "'player' has categories"),
        ("court", {"transpose": True}, "transpose does not apply to a polar grid"),
    ]:
        with pytest.raises(ValueError, match=message):
            FactorDisplay.from_estimator(model, mode, origin=(0, 0), **options)


@pytest.mark.parametrize(
    "shape, extent, origin, message",
    [
        ((11, 8), POLAR.bounds, (1, 2, 3), r"origin must be a point \(x, y\) of finite numbers, or None .*\(1, 2, 3\)"),
        ((11,), [(0, 44)], (0, 0), "'court' has 1 axes"),
        ((11, 8), None, (0, 0), "'court' has no bounds"),
        ((11, 8), [(-1, 44), (0, 360)], (0, 0), r"distance, at least 0.*has bounds \(\(-1, 44\), \(0, 360\)\)"),
        ((11, 8), [(0, 44), (0, 361)], (0, 0), "at most 360 degrees"),
    ],
)
def test_what_is_not_polar(shape, extent, origin, message):
    with pytest.raises(ValueError, match=message):
        FactorDisplay(np.ones((*shape, 1)), components=[0], mode="court", extent=extent, origin=origin).plot()
