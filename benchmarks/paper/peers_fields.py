"""What else one would use to predict a number from fields (n, lags, lat, lon): linear methods, images, tensors."""

from functools import partial

import numpy as np
from peers import N_SETTINGS, Peer, grid, searched, squared_errors
from peers_images import cnn, frem, space_net, without_land


def flat(X):
    """Columns of the cells that are not land, centred by nobody."""
    X = X.reshape(len(X), -1)
    return X[:, ~np.isnan(X).any(0)]


def best_of(left_out, settings):
    """The setting of least loss, where one pass gives the losses of all: left_out (n_folds, n_settings)."""
    return settings[int(np.argmin(np.mean(left_out, 0)))]


# Linear


def ridge(X, y, folds):
    """In dual form: an eigendecomposition gives the solutions of all strengths."""
    alphas, X = np.logspace(1, 6.5, N_SETTINGS), flat(X)
    kernel = (X - X.mean(0)) @ (X - X.mean(0)).T

    def solutions(rows):
        values, vectors = np.linalg.eigh(kernel[np.ix_(rows, rows)].astype(float))
        rotated = vectors.T @ (y[rows] - y[rows].mean())
        return np.stack([vectors @ (rotated / (values + alpha)) for alpha in alphas])

    losses = [
        [
            squared_errors(y[test], y[train].mean() + kernel[np.ix_(test, train)] @ dual).mean()
            for dual in solutions(train)
        ]
        for train, test in folds
    ]
    best = int(np.argmin(np.mean(losses, 0)))
    weights = (X - X.mean(0)).T @ solutions(np.arange(len(y)))[best].astype(np.float32)
    center = X.mean(0)
    return (lambda X: y.mean() + (flat(X) - center) @ weights), f"alpha={alphas[best]:.3g}"


def eof_regression(X, y, folds):
    """Least squares on the leading principal components of all lags together."""
    counts = [2, 4, 8, 12, 20, 30, 50, 80, 120, 180, 270, 400]

    def weights(X, y):
        """Of every number of components, by one decomposition."""
        center = X.mean(0)
        values, vectors = np.linalg.eigh(((X - center) @ (X - center).T).astype(float))
        order = np.argsort(-values)[: counts[-1]]
        values, vectors = values[order], vectors[:, order]
        duals = [vectors[:, :k] @ ((vectors[:, :k].T @ (y - y.mean())) / values[:k]) for k in counts]
        return center, ((X - center).T @ np.stack(duals, 1).astype(np.float32)).T

    def predict(center, w, level, X):
        return level + (flat(X) - center) @ w

    losses = []
    for train, test in folds:
        center, each = weights(flat(X[train]), y[train])
        losses.append([squared_errors(y[test], predict(center, w, y[train].mean(), X[test])).mean() for w in each])
    best = best_of(losses, list(range(len(counts))))
    center, each = weights(flat(X), y)
    return (lambda X: predict(center, each[best], y.mean(), X)), f"components={counts[best]}"


def pls(X, y, folds):
    """Partial least squares; the first k components are those of the fit with k."""
    from sklearn.cross_decomposition import PLSRegression

    counts = list(range(1, N_SETTINGS + 1))

    def weights(X, y):
        model = PLSRegression(N_SETTINGS, scale=False, tol=1e-6).fit(X, y)
        each = [model.x_rotations_[:, :k] @ model.y_loadings_[0, :k] for k in counts]
        return X.mean(0), each

    losses = []
    for train, test in folds:
        center, each = weights(flat(X[train]), y[train])
        errors = [squared_errors(y[test], y[train].mean() + (flat(X[test]) - center) @ w).mean() for w in each]
        losses.append(errors)
    best = best_of(losses, list(range(len(counts))))
    center, each = weights(flat(X), y)
    return (lambda X: y.mean() + (flat(X) - center) @ each[best]), f"components={counts[best]}"


def group_ridge(X, y, folds):
    """A strength of its own for every lag: himalaya's random search over proportions, 12 strengths for each."""
    from himalaya.kernel_ridge import MultipleKernelRidgeCV

    lags = range(X.shape[1])

    def centred(part):
        return [flat(part[:, lag]) - flat(X[:, lag]).mean(0) for lag in lags]

    train = centred(X)
    model = MultipleKernelRidgeCV(
        kernels="precomputed", solver="random_search", cv=folds, random_state=0,
        solver_params={"n_iter": N_SETTINGS, "alphas": np.logspace(1, 6.5, 12), "progress_bar": False},
    )  # fmt: skip
    model.fit(np.stack([x @ x.T for x in train]), (y - y.mean())[:, None])
    proportions = np.exp(model.deltas_).ravel()
    setting = "proportions " + " ".join(f"{p:.2g}" for p in proportions / proportions.sum())

    def predict(part):
        kernels = [x @ z.T for x, z in zip(centred(part), train, strict=True)]
        return y.mean() + model.predict(np.stack(kernels)).ravel()

    return predict, setting


def coupled_patterns(X, y, folds):
    """CCA of xeofs between predictors and the field of which the target is a mean, on leading components of both."""
    return searched(
        canonical_correlations, grid(modes=(1, 2, 4), components=(8, 16, 32, 64)),
        lambda y, prediction: squared_errors(y[:, 0], prediction), n_folds=2,
    )(X, y, folds)  # fmt: skip


def canonical_correlations(X, y, modes, components):
    import xarray as xr
    import xeofs
    from sklearn.linear_model import LinearRegression

    def array(values):
        return xr.DataArray(values, dims=("time", "cell"), coords={"time": np.arange(len(values))})

    fields = y[:, 1:]
    components = {"n_pca_modes": [components, min(components, fields.shape[1])]}
    model = xeofs.cross.CCA(n_modes=modes, use_pca=True, random_state=0, **components)
    model.fit(array(flat(X)), array(fields), dim="time")

    def mean_of_field(X):
        scores = model.predict(array(flat(X)))
        return model.inverse_transform(Y=scores).mean("cell").values[:, None]

    level = LinearRegression().fit(mean_of_field(X), y[:, 0])
    return lambda X: level.predict(mean_of_field(X))


# Tensors


def cp_regression(X, y, rank, penalty, n_iter):
    from tensorly.regression import CPRegressor

    model = CPRegressor(weight_rank=rank, reg_W=penalty, n_iter_max=n_iter, tol=1e-7, random_state=0, verbose=0)
    return tensor_regression(model, X, y)


def tucker_regression(X, y, rank, penalty):
    from tensorly.regression import TuckerRegressor

    n_modes = X.ndim - 1
    ranks = [min(rank, size) for size in X.shape[1 : n_modes + 1]]
    model = TuckerRegressor(weight_ranks=ranks, reg_W=penalty, n_iter_max=10, tol=1e-7, random_state=0, verbose=0)
    return tensor_regression(model, X, y)


def tensor_regression(model, X, y):
    """tensorly's regressors have no intercept and no scale of their own."""
    X = without_land(X)
    center, scale, level, spread = X.mean(0), X.std(), y.mean(), y.std()
    model.fit((X - center) / scale, (y - level) / spread)
    weights = np.asarray(model.weight_tensor_)

    def predict(X):
        return level + spread * np.tensordot((without_land(X) - center) / scale, weights, X.ndim - 1).ravel()

    return predict


def cp_pls(X, y, components):
    from tensorly.regression import CP_PLSR

    X = without_land(X)
    level = y.mean()
    model = CP_PLSR(components, n_iter_max=50).fit(X, (y - level)[:, None])
    return lambda X: level + np.asarray(model.predict(without_land(X))).ravel()


# Which on which


def ours(X, y, folds, cv=None):
    from sklearn_mrtl import MRTLRegressor

    model = MRTLRegressor(cv=cv).fit(X, y)
    return model.predict, f"{'defaults' if cv is None else f'cv={cv}'}, rank {model.rank_}"


def climatology(X, y, folds):
    level = y.mean()
    return (lambda X: np.full(len(X), level)), ""


def ocean_peers():
    """Peers on cells of 2 degrees, what the data resolve; those that take long, on 4 degrees."""
    settings = grid(rank=(1, 2, 4), penalty=(1.0, 10.0, 100.0, 1000.0))
    tensors = searched(partial(cp_regression, n_iter=10), settings, squared_errors)
    return [
        Peer("MRTLRegressor()", ours, "ours", "sklearn_mrtl"),
        Peer("climatology", climatology),
        Peer("ridge", ridge, "linear", view="half"),
        Peer("EOF regression", eof_regression, "linear", view="half"),
        Peer("PLS, 4 degrees", pls, "linear", view="quarter"),
        Peer("himalaya, a strength for each lag, 4 degrees", group_ridge, "linear", "himalaya", "quarter"),
        Peer("nilearn, FREM, 4 degrees", frem, "linear", "nilearn", "quarter"),
        Peer("xeofs, CCA, 4 degrees", coupled_patterns, "linear", "xeofs", "quarter", target="fields"),
        Peer("nilearn, SpaceNet, 4 degrees", space_net, "linear", "nilearn", "quarter"),
        Peer("tensorly, CPRegressor, 4 degrees", tensors, "other", "tensorly", "quarter"),
        Peer("CNN, 4 degrees", cnn, "other", "torch", "quarter"),
    ]  # fmt: skip


def simulated_peers():
    """tensorly's compute in single precision, as ours, and choose rank and penalty on the last block."""
    settings = grid(rank=(2, 3, 5), penalty=(0.1, 1.0, 10.0, 100.0))
    tucker = searched(tucker_regression, settings, squared_errors, n_folds=1)
    components = searched(cp_pls, grid(components=tuple(range(1, N_SETTINGS + 1))), squared_errors, n_folds=1)
    return [
        Peer("MRTLRegressor()", ours, "ours", "sklearn_mrtl"),
        Peer("constant", climatology),
        Peer("ridge", ridge, "linear"),
        Peer("EOF regression", eof_regression, "linear"),
        Peer("PLS", pls, "linear"),
        Peer("nilearn, FREM", frem, "linear", "nilearn"),
        Peer("tensorly, CPRegressor, 30 iterations", briefly_searched(settings, 30), "other", "tensorly"),
        Peer("tensorly, CPRegressor, 100 iterations", briefly_searched(settings, 100), "other", "tensorly"),
        Peer("tensorly, TuckerRegressor", tucker, "other", "tensorly"),
        Peer("tensorly, CP_PLSR", components, "other", "tensorly"),
    ]


def briefly_searched(settings, n_iter):
    """The setting that is best after 5 iterations on the last block, fitted with `n_iter`."""
    return searched(partial(cp_regression, n_iter=n_iter), settings, squared_errors, n_folds=1, brief={"n_iter": 5})
