"""Pictures of terms show what each adds."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.inspection import TermDisplay, select_term
from sklearn_mrtl.inspection._mode_picture import ModePicture
from sklearn_mrtl.inspection._term_display import effect_of, explained_by_terms

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

MODES = [Feature("player", 5), Grid("court", (6, 7), bounds=[(0, 6), (0, 7)]), Feature("kind", 3)]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    player, cell, kind = rng.integers(5, size=900), rng.integers(42, size=900), rng.integers(3, size=900)
    X = np.hstack([np.eye(5)[player], np.eye(42)[cell], np.eye(3)[kind]])
    z = 0.5 * player + np.sin(cell // 7) + (player - 2) * np.cos(cell % 7) * (kind - 1)
    return X, z + 0.1 * rng.normal(size=900)


@pytest.fixture(scope="module")
def model(data):
    return MRTLRegressor(MODES, terms=["player", "court", ("player", "court", "kind")], rank=2).fit(*data)


def test_one_scale_for_all_terms(data, model):
    display = TermDisplay.from_estimator(model, X=data[0], percentile=100)
    assert list(display.effects) == ["player", "court", "player x court x kind"] and len(display.axes_) == 3
    players, court, product = display.axes_
    widths = [bar.get_width() for bar in players.patches]
    np.testing.assert_allclose(widths, model.terms_["player"].coef)
    np.testing.assert_allclose(court.images[0].get_array(), model.terms_["court"].coef.T)
    sizes = np.sqrt((model.terms_["player x court x kind"].coef ** 2).mean(axis=(0, 3)))
    np.testing.assert_allclose(product.images[0].get_array(), sizes.T, rtol=1e-6)
    limit = max(np.abs(values).max() for values in display.effects.values())
    assert court.images[0].get_clim() == product.images[0].get_clim() == pytest.approx((-limit, limit))
    fractions = explained_by_terms(model, data[0])
    assert product.get_title() == (
        f"player x court x kind\ntypical size over player, kind\n{fractions['player x court x kind']:.0%} of variance"
    )
    assert "added to the score" in display.colorbar_.ax.get_ylabel()


def test_fractions_are_covariances(data, model):
    X, _ = data
    whole, product = model.predict(X), model.terms_["player x court x kind"].coef.reshape(5, 42, 3)
    parts = {
        "player": X[:, :5] @ model.terms_["player"].coef,
        "court": X[:, 5:47] @ model.terms_["court"].coef.ravel(),
        "player x court x kind": np.einsum("np,nc,nk,pck->n", X[:, :5], X[:, 5:47], X[:, 47:], product),
    }
    expected = {name: np.cov(part, whole)[0, 1] / whole.var(ddof=1) for name, part in parts.items()}
    assert explained_by_terms(model, X) == pytest.approx(expected)
    assert sum(expected.values()) == pytest.approx(1)


def test_other_decompositions_and_outputs(data):
    """Full rank, Tucker and several outputs, against the dense weights."""
    X, y = data
    both = MRTLRegressor(MODES[:2], terms=None, rank=2, max_epochs=5).fit(X[:, :47], np.stack([y, -y], 1))
    dense = both.coef_  # outputs first
    np.testing.assert_allclose(effect_of(both, "court"), np.sqrt((dense**2).mean(axis=(0, 1))), rtol=1e-6)
    for options in ({"rank": None}, {"rank": 2, "decomposition": "tucker"}):
        other = clone(both).set_params(**options).fit(X[:, :47], np.stack([y, -y], 1))
        np.testing.assert_allclose(effect_of(other, "court"), np.sqrt((other.coef_**2).mean(axis=(0, 1))), rtol=1e-6)
        assert effect_of(other, "output").shape == (2,)


def test_what_is_drawn(data, model):
    seen = []
    names = {"court": ["length", "width"]}
    display = TermDisplay.from_estimator(
        model, terms=["court"], axis_labels=names, decorate={"court": seen.append}, colorbar=False
    )
    assert seen == [display.ax_] and display.colorbar_ is None
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("length", "width")
    with pytest.raises(ValueError, match="term must be one of"):
        TermDisplay.from_estimator(model, terms=["ball"])
    with pytest.raises(ValueError, match="axis_labels must be a dict by names among .*'court'.* got .*'curt'"):
        TermDisplay.from_estimator(model, axis_labels={"curt": ["length", "width"]})
    only = select_term(model, "court")
    np.testing.assert_allclose(effect_of(only, "court"), model.terms_["court"].coef)


def test_slices_and_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2, 3, 4, 5))
    grid = Grid("sea", (3, 4, 5))
    model = MRTLClassifier(["lag", grid], terms=None, rank=1, max_epochs=3).fit(X, rng.integers(2, size=60))
    display = TermDisplay.from_estimator(model, percentile=100)
    assert display.ax_.get_title().endswith("sea, axis 0 (cell): 1.5")
    sizes = np.sqrt((model.coef_**2).mean(axis=0))[1]
    np.testing.assert_allclose(display.ax_.images[0].get_array(), sizes, rtol=1e-6)


def test_panels_of_many_terms_have_room_for_their_names():
    names = [f"a long name of player {i}" for i in range(40)]
    bars = ModePicture("player", (40,), axis_labels=["player"], category_names=names)
    court = ModePicture("court", (24, 25), [(0, 47), (-25, 25)])
    pictures = {f"term {i}": bars if i % 2 else court for i in range(6)}
    effects = {name: np.ones(picture.shape) for name, picture in pictures.items()}
    display = TermDisplay(effects, pictures=pictures, titles=dict(zip(pictures, pictures, strict=True))).plot()
    display.figure_.draw_without_rendering()
    assert len(display.axes_) == 6
    for panel in display.axes_[1::2]:
        names = [tick.get_window_extent() for tick in panel.get_yticklabels()]
        assert all(above.y0 >= below.y1 - 1 for above, below in zip(names, names[1:], strict=False))
        assert panel.get_window_extent().width > 60
