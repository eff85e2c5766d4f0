"""Pictures compared with those in baseline/ if pytest runs with --mpl, as in `make test`.

They show made-up values, so that they depend on the drawing code only. To replace the baselines, after checking the
difference: ``pytest tests/inspection/test_pictures.py --mpl-generate-path=tests/inspection/baseline``.
"""

import numpy as np
import pytest

mpl = pytest.importorskip("matplotlib")
pytest.importorskip("pytest_mpl")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

from sklearn_mrtl.inspection import (  # noqa: E402
    ComponentDisplay,
    FactorDisplay,
    HistoryDisplay,
    PredictionDisplay,
    SkillDisplay,
    TermDisplay,
    draw_court,
    draw_handler,
)
from sklearn_mrtl.inspection._band_marks import BandMarks  # noqa: E402
from sklearn_mrtl.inspection._mode_picture import ModePicture  # noqa: E402

DRAWN_WITH = "3.11"  # matplotlib; fonts and spacing differ a little between minor versions

pytestmark = pytest.mark.skipif(
    mpl.__version__.split(".")[:2] != DRAWN_WITH.split("."),
    reason=f"baselines were drawn with matplotlib {DRAWN_WITH}, this is {mpl.__version__}",
)

# Root mean square of the differences of pixels, of 255: one changed letter or digit makes 1 to 4.
picture = pytest.mark.mpl_image_compare(style="default", backend="agg", tolerance=0.5, savefig_kwargs={"dpi": 60})


def waves(*shape):
    """Smooth components that differ, (*shape, 2)."""
    places = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    first = np.exp(-4 * sum(place**2 for place in places))
    return np.stack([first, -places[-1] + 0.3 * first], axis=-1)


@picture
def test_maps_with_land():
    factor = waves(8, 18)
    factor[2:5, 12:] = np.nan
    display = FactorDisplay(
        factor, components=[0, 1], mode="ocean", extent=[(-20, 60), (-180, 0)],
        axis_labels=["latitude (degrees_north)", "longitude (degrees_east)"], weights=[12.0, 3.4],
    )  # fmt: skip
    return display.plot().figure_


@picture
def test_bars():
    factor = np.array([[0.8, 0.5, 0.3, -0.1], [0.1, -0.6, 0.7, 0.2]]).T
    display = FactorDisplay(
        factor, components=[0, 3], mode="lag", axis_labels=["lag (months)"],
        category_names=["one", "two", "three", "six"], weights=[2.0, 1.0],
    )  # fmt: skip
    return display.plot().figure_


@picture
def test_curves():
    factor = waves(20)
    factor[:3] = np.nan
    return FactorDisplay(factor, components=[0, 1], mode="depth", extent=[(0, 200)]).plot().figure_


@picture
def test_court():
    extent, names = [(0, 47), (-25, 25)], ["feet from the baseline", "feet from the middle"]
    display = FactorDisplay(waves(24, 25), components=[0, 1], mode="court", extent=extent, axis_labels=names)
    return display.plot(decorate=draw_court).figure_


@picture
def test_polar_court():
    factor = waves(12, 8)
    factor[9:, 4] = np.nan
    display = FactorDisplay(
        factor, components=[0, 1], mode="court", extent=[(0, 36), (-180, 180)], origin=(5.25, 25),
        axis_labels=["feet from the sideline", "feet from the baseline"],
    )  # fmt: skip

    def on_the_court(ax):
        ax.set(xlim=(0, 47), ylim=(0, 50))
        draw_court(ax)

    return display.plot(decorate=on_the_court).figure_


@picture
def test_defenders():
    display = FactorDisplay(waves(12, 12)[..., 1:], components=[1], mode="defenders", extent=[(-2, 10), (-6, 6)])
    return display.plot(decorate=draw_handler, normalize=False).figure_


@picture
@pytest.mark.parametrize("x", ["epoch", "seconds"])
def test_history(x):
    history, seconds = [], 0.0
    levels = [("full_rank", (5, 10), 6, 0.1), ("low_rank", (5, 10), 9, 0.1), ("low_rank", (20, 40), 5, 1.0)]
    for level, (phase, shape, n_epochs, step) in enumerate(levels):
        for epoch in range(n_epochs):
            seconds += step
            loss = 0.5 + 0.2 / (level + 1) * 0.6**epoch
            history.append({
                "level": level, "phase": phase, "resolution": {"ocean": shape}, "seconds": seconds, "train_loss": loss,
                "validation_loss": loss + 0.05, "gradient_norm": 0.5**epoch,
            })  # fmt: skip
    display = HistoryDisplay(history).plot(x=x, values=["loss", "gradient_norm"])
    display.ax_.set_title("Training")
    return display.figure_


@picture
def test_components():
    lags, places = waves(4), waves(8, 18)
    places[2:5, 12:] = np.nan
    extent, names = [(-20, 60), (-180, 0)], ["latitude", "longitude"]
    pictures = {
        "lag": ModePicture("lag", (4,), axis_labels=["months before"], category_names=["0", "1", "2", "3"]),
        "ocean": ModePicture("ocean", (8, 18), extent, names),
    }
    display = ComponentDisplay(
        {"lag": lags, "ocean": places}, components=[0, 2], pictures=pictures, weights=[12.0, 3.4], explained=[0.8, 0.1]
    )
    return display.plot().figure_


@picture
def test_terms():
    names = [f"player {i}" for i in range(40)]
    pictures = {
        "player": ModePicture("player", (40,), axis_labels=["player"], category_names=names),
        "court": ModePicture("court", (24, 25), [(0, 47), (-25, 25)]),
    }
    effects = {"player": waves(40)[:, 1], "court": waves(24, 25)[..., 0]}
    titles = {"player": "player\n20% of variance", "court": "court\n70% of variance"}
    display = TermDisplay(effects, pictures=pictures, titles=titles)
    return display.plot(n_extremes=3, decorate={"court": draw_court}).figure_


@picture
def test_many_terms():
    names = [f"player {i}" for i in range(40)]
    bars = ModePicture("player", (40,), axis_labels=["player"], category_names=names)
    court = ModePicture("court", (24, 25), [(0, 47), (-25, 25)])
    effects = {"player": waves(40)[:, 1], "court": waves(24, 25)[..., 0]}
    typical = waves(40)[:, 0] + 1e-4 * np.arange(40)  # without ties, which rounding would order
    effects |= {"player x kind": typical, "court x kind": 0.5 * waves(24, 25)[..., 0], "kind": waves(40)[:, 1]}
    pictures = {name: court if "court" in name else bars for name in effects}
    titles = {name: f"{name}\ntypical size over kind" if " x " in name else name for name in effects}
    return TermDisplay(effects, pictures=pictures, titles=titles).plot().figure_


def marks(factor):
    """Bands of a factor, of which half is not settled."""
    settled = np.where(np.arange(len(factor)) % 4 < 2, 1.0, 0.5).reshape(-1, *[1] * (factor.ndim - 1))
    return BandMarks(factor - 0.2, factor + 0.3, np.broadcast_to(settled, factor.shape))


@picture
def test_hatching_of_maps():
    factor = waves(8, 18)
    return FactorDisplay(factor, components=[0, 1], mode="ocean", bands=marks(factor)).plot().figure_


@picture
def test_bands_of_the_largest_and_the_smallest():
    factor, names = np.stack([np.sin(np.arange(40)), np.cos(np.arange(40))], axis=1), [f"player {i}" for i in range(40)]
    display = FactorDisplay(factor, components=[0, 1], mode="player", category_names=names, bands=marks(factor))
    return display.plot(n_extremes=3).figure_


@picture
def test_predictions():
    display = PredictionDisplay(
        np.moveaxis(waves(24, 25), -1, 0) / 2, quantity="probability of True", names=["first", "second"],
        extent=[(0, 47), (-25, 25)], axis_labels=["feet from the baseline", "feet from the middle"], is_difference=True,
    )  # fmt: skip
    return display.plot(decorate=draw_court).figure_


def observed(*shape):
    """What was observed and predicted at 40 times; better predicted the later a place comes."""
    times = np.arange(40).reshape(-1, *[1] * len(shape))
    places = np.arange(np.prod(shape)).reshape(shape)
    truth = np.sin(times + places)
    return truth, truth + np.cos(3 * times + places) * (1.5 - places / places.max())


@picture
def test_skill_of_a_map():
    truth, predicted = observed(6, 9)
    truth[:, 2:4, 5:] = np.nan
    return SkillDisplay.from_predictions(truth, predicted, extent=[(-20, 40), (0, 90)]).figure_


@picture
def test_skill_at_places():
    truth, predicted = observed(12)
    positions = np.stack([np.cos(np.arange(12)) * 20 - 95, np.sin(np.arange(12)) * 8 + 38], axis=1)
    options = {"positions": positions, "axis_labels": ["latitude", "longitude"]}
    return SkillDisplay.from_predictions(truth, predicted, reference=np.zeros_like(truth), **options).figure_
