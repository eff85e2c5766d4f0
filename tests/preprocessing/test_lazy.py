"""Transformers of dask arrays: statistics by one pass over the blocks, results that are computed when needed."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.preprocessing import (
    AreaWeighter,
    Deseasonalizer,
    Detrender,
    GridDiscretizer,
    ModeEncoder,
    RelativePosition,
    VariableScaler,
    lag_windows,
)

da = pytest.importorskip("dask.array")

TIME = np.arange("2000-01", "2008-04", dtype="datetime64[M]")
N = len(TIME)
TIMED = {
    "deseasonalizer": Deseasonalizer(),
    "harmonics": Deseasonalizer(harmonics=2),
    "line": Detrender("linear"),
}
OTHERS = {
    "difference": Detrender(),
    "area": AreaWeighter(latitude=np.linspace(-60, 80, 4)),
    "variables": VariableScaler(axis=1, feature_range=(-1, 1)),
}


def series():
    """Fields (time, 2 variables, 4 x 5 cells) with land, and a cell whose data begin late."""
    X = np.random.default_rng(0).normal(size=(N, 2, 4, 5)) * [[[3.0]], [[0.1]]] + np.arange(N)[:, None, None, None] / 30
    X[:, :, 0, :2] = np.nan
    X[:40, 0, 2, 2] = np.nan
    return X


def in_blocks(X, n_rows=17):
    return da.from_array(X, (n_rows, *X.shape[1:]))


def assert_same(transformer, X, invertible=True, **routed):
    expected = transformer.fit(X, **routed).transform(X, **routed)
    back = transformer.inverse_transform(expected, **routed) if invertible else None
    lazy = in_blocks(X)
    found = transformer.fit(lazy, **routed).transform(lazy, **routed)
    assert isinstance(found, da.Array) and found.dtype == expected.dtype
    np.testing.assert_allclose(found.compute(), expected, rtol=1e-9, atol=1e-9)
    if invertible:
        np.testing.assert_allclose(transformer.inverse_transform(found, **routed).compute(), back, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", TIMED)
def test_transformers_that_need_times(name):
    assert_same(TIMED[name], series(), time=TIME)


@pytest.mark.parametrize("name", OTHERS)
def test_transformers_without_times(name):
    assert_same(OTHERS[name], series(), invertible=name != "difference")


def test_single_precision_stays():
    assert_same(Deseasonalizer(), series().astype(np.float32).round(2).astype(np.float64), time=TIME)
    lazy = in_blocks(series().astype(np.float32))
    assert Deseasonalizer().fit(lazy, time=TIME).transform(lazy, time=TIME).compute().dtype == np.float32


def test_dataarrays_keep_their_coordinates():
    xarray = pytest.importorskip("xarray")
    X = xarray.DataArray(series(), {"time": TIME.astype("datetime64[ns]"), "lat": np.arange(4.0)},
                         ("time", "variable", "lat", "lon"))  # fmt: skip
    lazy = X.chunk(time=17)
    for transformer in (Deseasonalizer(), Detrender(axis="variable"), AreaWeighter(), VariableScaler()):
        expected = transformer.fit_transform(X)
        found = transformer.fit(lazy).transform(lazy.isel(lat=slice(None, None, -1)))
        assert found.chunks is not None
        xarray.testing.assert_allclose(found.isel(lat=slice(None, None, -1)).compute(), expected)


def test_windows_of_blocks_go_through_a_pipeline():
    xarray = pytest.importorskip("xarray")
    from sklearn.pipeline import make_pipeline

    from sklearn_mrtl import MRTLRegressor

    X = xarray.DataArray(series(), {"time": TIME.astype("datetime64[ns]")}, ("time", "variable", "lat", "lon"))
    y = np.nan_to_num(X.values).sum((1, 2, 3))
    model = make_pipeline(Deseasonalizer(), MRTLRegressor(rank=1, alpha_spatial=0.1, alpha_l2=0.1, solver="lbfgs"))
    expected = lag_windows(X, y, lags=3)
    lazy = lag_windows(X.chunk(time=20), y, lags=3)
    with pytest.warns(UserWarning, match="NaN in some"):
        coef = model.fit(expected.X, expected.y)[-1].coef_
    with pytest.warns(UserWarning, match="NaN in some"):
        found = model.fit(lazy.X, lazy.y)[-1].coef_
    np.testing.assert_allclose(found, coef, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["array", "DataArray", "Dataset"])
@pytest.mark.parametrize("lags", [3, (0, 2, 5)])
def test_windows_of_lazy_series_and_targets_are_lazy(kind, lags):
    """A row has one block with all of its lags and variables, and that of its target."""
    xarray = pytest.importorskip("xarray")
    X, y = series(), np.arange(2.0 * N).reshape(N, 2)
    expected = lag_windows(X, y, lags=lags, lead=1)
    fields, target = in_blocks(X), in_blocks(y)
    if kind != "array":
        coords = {"time": TIME.astype("datetime64[ns]")}
        fields = xarray.DataArray(fields, coords, ("time", "variable", "lat", "lon"))
        target = xarray.DataArray(target, coords, ("time", "output"))
    if kind == "Dataset":
        fields = xarray.Dataset({name: fields[:, i] for i, name in enumerate("ab")})
    found = lag_windows(fields, target, lags=lags, lead=1)
    assert found.X.chunks[1:] == tuple((size,) for size in expected.X.shape[1:])
    assert found.X.chunks[0] == found.y.chunks[0] and max(found.X.chunks[0]) == 17
    np.testing.assert_array_equal(np.asarray(found.X), expected.X)
    np.testing.assert_array_equal(np.asarray(found.y), expected.y)
    at_hand = lag_windows(fields, y, lags=lags, lead=1).y
    np.testing.assert_array_equal(at_hand, expected.y)
    assert isinstance(at_hand, np.ndarray)


def test_errors():
    X = series()
    with pytest.raises(ValueError, match="first axis, the rows, only"):
        VariableScaler().fit(in_blocks(X).rechunk((17, 1, 4, 5)))
    X[90, 0, 3, 3] = np.inf
    for transformer, routed in ((VariableScaler(), {}), (Deseasonalizer(), {"time": TIME})):
        with pytest.raises(ValueError, match="X contains infinity"):
            transformer.fit(in_blocks(X), **routed)
    with pytest.raises(ValueError, match="rows of shape"):
        VariableScaler().fit(in_blocks(series())).transform(in_blocks(series()[:, :, :3]))


# Tables

COURT = Grid("court", (4, 3), bounds=[(0, 8), (0, 6)])


def points():
    """Two points a row, some absent, some outside the court."""
    X = np.random.default_rng(0).uniform(0, 7, size=(60, 4))
    X[::7, 2:] = np.nan
    return X


def as_dask(table, kind):
    """A table in three blocks, of which one has no rows if it is a DataFrame."""
    if kind == "array":
        return da.from_array(table, (25, table.shape[1]))
    dd, pd = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    frame = pd.DataFrame(table, columns=[f"c{i}" for i in range(table.shape[1])]).infer_objects()
    frame = dd.from_pandas(frame, npartitions=3)
    return dd.concat([frame, frame[frame["c0"] != frame["c0"]]], interleave_partitions=True)


@pytest.mark.parametrize("kind", ["array", "DataFrame"])
@pytest.mark.parametrize("sparse_output", [True, False])
def test_points_of_dask_tables(kind, sparse_output):
    X, discretizer = points(), GridDiscretizer(COURT, outside="drop", sparse_output=sparse_output)
    lazy = as_dask(X, kind)
    with pytest.warns(UserWarning, match="left out"):
        expected = discretizer.fit(X).transform(X)
    n_outside = discretizer.n_outside_
    assert n_outside > 0
    with pytest.warns(UserWarning, match="left out"):
        found = discretizer.fit(lazy).transform(lazy)
        dense = [values.toarray() if sparse_output else values for values in (found.compute(), expected)]
    assert discretizer.n_outside_ == n_outside and discretizer.n_features_in_ == 4 and found.shape == (60, 12)
    np.testing.assert_array_equal(*dense)
    with pytest.raises(ValueError, match="outside the bounds"):
        GridDiscretizer(COURT).fit(lazy)


@pytest.mark.parametrize("kind", ["array", "DataFrame"])
def test_encoder_of_dask_tables(kind):
    """Categories and counts of all blocks together; a category that only the last block has, and one missing."""
    table = np.column_stack([np.arange(60) // 10, points()]).astype(object)
    table[:, 0] = [None if i == 30 else f"player {int(n)}" for i, n in enumerate(table[:, 0])]
    table[:, 1:] = table[:, 1:].astype(float)
    columns = [0, slice(1, 5)] if kind == "array" else ["c0", ["c1", "c2", "c3", "c4"]]
    modes = [("player", columns[0], "one-hot"), (COURT, columns[1])]
    encoder = ModeEncoder(modes, outside="clip", handle_unknown="ignore")
    lazy = as_dask(table, kind)
    at_hand = table if kind == "array" else lazy.compute()
    with pytest.warns(UserWarning, match="left out|moved"):
        expected = encoder.fit(at_hand).transform(at_hand)
    known = (encoder.categories_["player"].tolist(), encoder.n_missing_, encoder.n_outside_, encoder.modes_)
    with pytest.warns(UserWarning, match="left out|moved"):
        found = encoder.fit(lazy).transform(lazy)
        assert (encoder.categories_["player"].tolist(), encoder.n_missing_, encoder.n_outside_, encoder.modes_) == known
        n_absent = int(np.isnan(points()[:, ::2]).sum())
        assert found._meta.modes == encoder.modes_ and encoder.n_missing_ == {"player": 1, COURT.name: n_absent}
        blocks = [found.blocks[i].compute() for i in range(found.numblocks[0])]  # older versions join dense ones only
    assert (sparse.vstack(blocks) != expected).nnz == 0


def test_what_an_encoder_of_dask_tables_refuses():
    lazy = as_dask(points()[:, :2], "array")
    with pytest.raises(TypeError, match="learns from all rows"):
        ModeEncoder([("speed", [0, 1], StandardScaler())]).fit(lazy)
    with pytest.raises(ValueError, match="no categories: all entries are missing"):
        ModeEncoder([("player", 0, "one-hot")], handle_unknown="ignore").fit(lazy * np.nan)
    with pytest.raises(ValueError, match="asks for 2 categories"):
        ModeEncoder([(Feature("player", 2), 0, "one-hot")]).fit(lazy)


def test_transformers_that_learn_nothing_are_part_of_an_encoder_of_dask_tables():
    table = np.random.default_rng(1).uniform(0, 40, size=(60, 4))
    box = Grid("box", (5, 5), bounds=[(-50, 50), (-50, 50)])
    encoder = ModeEncoder([(box, slice(0, 4), RelativePosition())])
    expected = encoder.fit(table).transform(table)
    assert (encoder.fit(as_dask(table, "array")).transform(table) != expected).nnz == 0
