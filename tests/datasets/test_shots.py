"""Simulated shots: the logit against explicit sums, the promises of the docstring against the result."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sklearn_mrtl import Feature, Grid, MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.datasets._shots import CHUNK
from sklearn_mrtl.preprocessing import ModeEncoder


@pytest.fixture(scope="module")
def shots():
    return make_shots(20_000, random_state=0)


def one_hot(shape, bounds, points):
    encoding = np.zeros(shape)
    for point in points:
        if not np.isnan(point).any():
            steps = [(v - low) / (high - low) * n for v, n, (low, high) in zip(point, shape, bounds, strict=True)]
            encoding[int(np.floor(steps[0])), int(np.floor(steps[1]))] += 1
    return encoding


def slow_term(shots, frame, factors):
    """Sum over all entries of the weight tensor of some modes and of the frame's outer product."""
    row, (player, court, box) = shots.data[frame], shots.modes
    encodings = {
        "player": np.arange(player.size) == row[0],
        "court": one_hot(court.shape, court.bounds, [row[1:3]]),
        "defenders": one_hot(box.shape, box.bounds, row[3:].reshape(-1, 2)),
    }
    x, total = np.ones(()), 0.0
    for name in factors:
        x = np.multiply.outer(x, encodings[name])
    for k in range(next(iter(factors.values())).shape[-1]):
        weights = np.ones(())
        for factor in factors.values():
            weights = np.multiply.outer(weights, factor[..., k])
        total += (weights * x).sum()
    return total


def slow_logit(shots, frame):
    return slow_term(shots, frame, shots.factors) + shots.intercept[int(shots.data[frame, 0])]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_logit_is_the_full_sum(dtype):
    shots = make_shots(
        60, n_players=4, court_shape=(6, 9), box_shape=(5, 4), n_components=3, dtype=dtype, random_state=1
    )
    np.testing.assert_allclose(shots.logit, [slow_logit(shots, frame) for frame in range(60)], rtol=1e-10, atol=1e-10)


def test_the_logit_of_a_sum_is_that_of_its_terms():
    sizes = {"n_players": 4, "court_shape": (6, 9), "box_shape": (5, 4), "n_components": 3}
    terms = ["court", ("court", "player"), ("player", "court", "defenders")]
    shots = make_shots(60, **sizes, terms=terms, random_state=1)
    assert list(shots.terms) == ["court", "player x court", "player x court x defenders"]
    assert [own["court"].shape[-1] for own in shots.terms.values()] == [1, 3, 3]
    assert shots.factors is shots.terms["player x court x defenders"]
    expected = [sum(slow_term(shots, n, own) for own in shots.terms.values()) + shots.intercept for n in range(60)]
    np.testing.assert_allclose(shots.logit, expected, rtol=1e-10, atol=1e-10)


def test_the_terms_of_a_sum_have_scores_of_one_size_and_the_promised_rate():
    shots = make_shots(50_000, terms=["player", "court", "defenders"], positive_rate=0.2, random_state=0)
    assert shots.target.mean() == pytest.approx(0.2, abs=0.01)
    assert roc_auc_score(shots.target, shots.logit) == pytest.approx(0.81, abs=0.01)
    numbers = shots.terms["player"]["player"][shots.data[:, 0].astype(int), 0]
    assert (shots.logit - numbers).std() == pytest.approx(np.sqrt(2) * numbers.std(), rel=0.05)


def test_each_term_of_a_simulated_sum_is_recovered():
    terms = ["player", "court", "defenders"]
    shots = make_shots(20_000, n_players=20, terms=terms, dtype=np.float32, random_state=0)
    encode = ModeEncoder([("player", 0, "one-hot"), (shots.modes[1], [1, 2]), (shots.modes[2], slice(3, None))])
    model = MRTLClassifier(terms=terms).fit(encode.fit_transform(shots.data), shots.target)
    for name in terms:
        assert np.corrcoef(model.terms_[name].coef.ravel(), shots.terms[name][name].ravel())[0, 1] > 0.95


def test_frame_without_defenders_has_the_players_intercept(shots):
    alone = np.isnan(shots.data[:, 3:]).all(axis=1)
    assert 0.05 < alone.mean() < 0.15
    np.testing.assert_array_equal(shots.logit[alone], shots.intercept[shots.data[alone, 0].astype(int)])


def test_shapes_and_names(shots):
    assert shots.data.shape == (20_000, 13) and shots.data.dtype == np.float64
    assert shots.feature_names[:5] == ["player", "x", "y", "defender_1_x", "defender_1_y"]
    assert shots.feature_names[-1] == "defender_5_y" and len(shots.feature_names) == 13
    assert shots.modes == (
        Feature("player", 50),
        Grid("court", (40, 50), bounds=((0, 40), (0, 50))),
        Grid("defenders", (12, 12), bounds=((-6, 6), (-2, 10))),
    )
    assert {mode.name: (*mode.shape, 6) for mode in shots.modes} == {n: f.shape for n, f in shots.factors.items()}
    assert shots.intercept.shape == (50,)
    assert set(np.unique(shots.target)) == {0, 1}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_positions_lie_inside_the_bounds(dtype):
    shots = make_shots(50_000, dtype=dtype, random_state=3)
    assert shots.data.dtype == dtype
    _, court, box = shots.modes
    defenders = shots.data[:, 3:].reshape(-1, 2)
    present = defenders[~np.isnan(defenders).any(axis=1)]
    for points, grid in ((shots.data[:, 1:3], court), (present, box)):
        low, high = np.transpose(grid.bounds)
        assert (points >= low).all() and (points < high).all()
    assert set(np.unique(shots.data[:, 0])) == set(range(50))


def test_missing_defenders_are_nan_at_the_end(shots):
    missing = np.isnan(shots.data[:, 3:].reshape(-1, 5, 2))
    np.testing.assert_array_equal(missing[..., 0], missing[..., 1])
    assert (np.diff(missing[..., 0].astype(int), axis=1) >= 0).all()
    assert set(missing[..., 0].sum(axis=1)) == set(range(6))
    assert not np.isnan(shots.data[:, :3]).any()


def test_play_looks_like_basketball(shots):
    """Handlers crowd around the basket and the arc; defenders between the handler and the basket."""
    distance = np.hypot(shots.data[:, 1] - 5.25, shots.data[:, 2] - 25)
    per_foot = np.histogram(distance, bins=[0, 5, 10, 20, 23, 27, 35])[0] / [5, 5, 10, 3, 4, 8]
    assert per_foot[0] > 2 * per_foot[2] and per_foot[4] > 2 * per_foot[2]
    assert np.nanmean(shots.data[:, 4] > 0) > 0.9
    assert abs(np.nanmean(shots.data[:, 3])) < 0.1


@pytest.mark.parametrize("seed", range(10))
def test_best_auc_and_rate_by_default(seed):
    shots = make_shots(100_000, random_state=seed)
    assert roc_auc_score(shots.target, shots.logit) == pytest.approx(0.81, abs=0.01)
    assert shots.target.mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("best_auc", "positive_rate"), [(0.6, 0.5), (0.7, 0.1), (0.9, 0.25)])
def test_best_auc_and_rate_as_asked(best_auc, positive_rate):
    shots = make_shots(100_000, best_auc=best_auc, positive_rate=positive_rate, random_state=0)
    assert roc_auc_score(shots.target, shots.logit) == pytest.approx(best_auc, abs=0.015)
    assert shots.target.mean() == pytest.approx(positive_rate, abs=0.01)


def test_probabilities_are_calibrated(shots):
    probability = 1 / (1 + np.exp(-shots.logit))
    for low, high in ((0, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.7), (0.7, 1)):
        chosen = (probability >= low) & (probability < high)
        error = 4 * np.sqrt(probability[chosen].mean() / chosen.sum())
        assert shots.target[chosen].mean() == pytest.approx(probability[chosen].mean(), abs=error)


def test_factors_are_smooth_distinct_and_readable(shots):
    player, court, box = shots.factors.values()
    assert (player >= 0).all() and (player > 0).any(axis=1).all()
    assert 0.3 < (player == 0).mean() < 0.6
    assert (court >= 0).all() and (court.max(axis=(0, 1)) > 0.95).all()
    assert (box.max(axis=(0, 1)) > 0).all() and (box.min(axis=(0, 1)) < 0).all()
    for maps, largest_step in ((court, 0.1), (box, 0.5)):
        assert all(np.abs(np.diff(maps, axis=axis)).max() < largest_step for axis in (0, 1))
    for factor in (player, court, box):
        columns = factor.reshape(-1, 6) / np.linalg.norm(factor.reshape(-1, 6), axis=0)
        assert np.linalg.cond(columns) < 20


def test_same_seed_same_frames(shots):
    again, other = make_shots(20_000, random_state=0), make_shots(20_000, random_state=1)
    for name in ("data", "target", "logit", "intercept"):
        np.testing.assert_array_equal(shots[name], again[name])
        assert not np.array_equal(shots[name], other[name])


def test_global_seed_is_left_alone():
    np.random.seed(0)
    expected = np.random.RandomState(0).rand()
    make_shots(10, random_state=0)
    assert np.random.rand() == expected


def test_factors_do_not_depend_on_n_samples(shots):
    few = make_shots(10, random_state=0)
    for name, factor in shots.factors.items():
        np.testing.assert_array_equal(factor, few.factors[name])


def test_more_than_one_chunk():
    shots = make_shots(CHUNK + 1000, n_players=3, n_components=2, court_shape=(4, 5), box_shape=(3, 3), random_state=0)
    assert not np.isnan(shots.data[:, :3]).any()
    for frame in (0, CHUNK - 1, CHUNK, CHUNK + 999):
        assert shots.logit[frame] == pytest.approx(slow_logit(shots, frame))
    assert not np.array_equal(shots.data[:1000, 1], shots.data[CHUNK:, 1])


def test_smallest_problem():
    shots = make_shots(
        1, n_players=1, court_shape=(1, 1), box_shape=(2, 1), n_components=1, max_defenders=1, best_auc=0.6
    )
    assert shots.data.shape == (1, 5) and np.isfinite(shots.logit).all()


def test_as_frame(shots):
    pandas = pytest.importorskip("pandas")
    frame = make_shots(20_000, as_frame=True, random_state=0)
    assert list(frame.data.columns) == frame.feature_names
    assert frame.data["player"].dtype == np.int64
    np.testing.assert_array_equal(frame.data.to_numpy(), shots.data)
    assert isinstance(frame.target, pandas.Series) and frame.target.name == "shot"


def test_missing_pandas_names_the_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("sklearn_mrtl._utils.optional.import_module", missing)
    with pytest.raises(ImportError, match=r"sklearn-mrtl\[xarray\]"):
        make_shots(10, as_frame=True)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_players": 0}, "n_players"),
        ({"n_components": 0}, "n_components"),
        ({"max_defenders": 0}, "max_defenders"),
        ({"positive_rate": 1.0}, "positive_rate"),
        ({"best_auc": 0.5}, "best_auc"),
        ({"best_auc": 0.999}, "best_auc=0.999 cannot be reached"),
        ({"dtype": np.int32}, "dtype"),
        ({"court_shape": (40,)}, "court_shape must have 2 axes"),
        ({"box_shape": (12, 0)}, "box_shape"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_shots(**{"n_samples": 10, "random_state": 0} | parameters)


@pytest.mark.parametrize(
    ("terms", "error", "message"),
    [
        ("player", TypeError, "list of names and tuples of names, got 'player'"),
        ([3], TypeError, r"list of names and tuples of names, got \[3\]"),
        (["team"], ValueError, "must name some of .*'player', 'court', 'defenders'.* once"),
        ([("court", "court")], ValueError, "once, got"),
        ([()], ValueError, "must name some of"),
        ([], ValueError, "at least one"),
        (["court", ("court",)], ValueError, "all different"),
    ],
)
def test_bad_terms_are_named(terms, error, message):
    with pytest.raises(error, match=message):
        make_shots(10, terms=terms)
