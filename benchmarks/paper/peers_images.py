"""What predicts a number from fields as images: nilearn's methods for brains, and a small convolutional network."""

import warnings

import numpy as np
from peers import N_SETTINGS, grid, in_words


def without_land(X):
    return np.nan_to_num(X, nan=0.0)


def images(X):
    """Of nilearn: (lon, lat, lags and variables, n), and the mask of the ocean."""
    import nibabel

    cells = np.moveaxis(X.reshape(len(X), -1, *X.shape[-2:]), (0, 1), (-1, -2))
    mask = ~np.isnan(cells).any(-1)
    affine = np.eye(4)
    data = nibabel.Nifti1Image(without_land(cells).astype(np.float32), affine)
    return data, nibabel.Nifti1Image(mask.astype(np.int8), affine)


def space_net(X, y, folds):
    """Graph-net over its own path of strengths, on the same folds, two proportions: 12 settings."""
    from nilearn.decoding import SpaceNetRegressor

    train, mask = images(X)
    model = SpaceNetRegressor(
        penalty="graph-net", l1_ratios=[0.1, 0.5], n_alphas=6, mask=mask, cv=folds, max_iter=100, tol=1e-3,
        screening_percentile=100, standardize=False, n_jobs=1, verbose=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train, y)
    return (lambda X: model.predict(images(X)[0])), ""


def frem(X, y, folds):
    """Ridge on clusters of cells, averaged over the folds, which choose the strengths.

    Its predictions are as many times too large as a cluster has cells, so they are scaled by the training rows.
    """
    from nilearn.decoding import FREMRegressor
    from sklearn.linear_model import LinearRegression

    train, mask = images(X)
    model = FREMRegressor(
        estimator="ridge_regressor", mask=mask, cv=folds, screening_percentile=100, clustering_percentile=10,
        standardize=False, n_jobs=1, verbose=0,
        param_grid={"alphas": [np.logspace(1, 6.5, N_SETTINGS)]},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train, y)

    def raw(data):
        return model.predict(data)[:, None]

    level = LinearRegression().fit(raw(train), y)
    return (lambda X: level.predict(raw(images(X)[0]))), ""


def cnn(X, y, folds):
    """Two convolutions and a pool, after Ham et al. (2019); width, decay and epochs are chosen on the last block."""
    import torch

    X = without_land(X.reshape(len(X), -1, *X.shape[-2:]))
    scale, level, spread = X.std(), y.mean(), y.std()

    def network(width):
        return torch.nn.Sequential(
            torch.nn.Conv2d(X.shape[1], width, 5, padding=2), torch.nn.Tanh(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(width, width, 3, padding=1), torch.nn.Tanh(), torch.nn.MaxPool2d(2),
            torch.nn.Flatten(), torch.nn.LazyLinear(width), torch.nn.Tanh(), torch.nn.Linear(width, 1),
        )  # fmt: skip

    def inputs(values):
        return torch.from_numpy(without_land(values.reshape(len(values), *X.shape[1:])) / scale)

    def train_on(rows, width, decay, epochs, watched=None):
        """The network, and its loss on the watched rows after each epoch."""
        torch.manual_seed(0)
        net, losses = network(width), []
        net(inputs(X[:2]))
        step = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=decay)
        truth = torch.from_numpy(((y - level) / spread).astype(np.float32))
        for _ in range(epochs):
            for batch in torch.randperm(len(rows)).split(32):
                step.zero_grad()
                at = rows[batch.numpy()]
                torch.nn.functional.mse_loss(net(inputs(X[at])).ravel(), truth[at]).backward()
                step.step()
            if watched is not None:
                with torch.no_grad():
                    losses.append(float(torch.nn.functional.mse_loss(net(inputs(X[watched])).ravel(), truth[watched])))
        return net, losses

    train, watched = folds[-1]
    tried = []
    for setting in grid(width=(8, 16), decay=(1e-2, 1.0)):  # by three choices of epochs: 12 settings
        losses = train_on(train, **setting, epochs=12, watched=watched)[1]
        tried += [(losses[epochs - 1], {**setting, "epochs": epochs}) for epochs in (3, 6, 12)]
    best = min(tried, key=lambda pair: pair[0])[1]
    net = train_on(np.arange(len(y)), **best)[0]

    def predict(values):
        with torch.no_grad():
            return level + spread * net(inputs(values)).numpy().ravel()

    return predict, in_words(best)
