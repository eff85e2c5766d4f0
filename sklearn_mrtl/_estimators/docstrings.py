"""The parts of both estimators' documentation that are the same."""

from __future__ import annotations

import re
from typing import TypeVar

T = TypeVar("T")

PARAMETERS = """\
Parameters
----------
modes : None, or sequence of str, Feature and Grid, default=None
    What the axes of an N-D X, or the columns of a 2-D X, mean, in their order; a string is a Feature's name.
    ``None``: the modes of the `ModeEncoder` that X comes from; otherwise the last two axes of an N-D X are one Grid (of
    quantity "mean"), the others Features, and all columns of a 2-D X are a Grid of one axis.
terms : "auto", None or list of names and tuples of names, default="auto"
    The weight tensors whose scores are added, each of some of the modes: ``["player", "court", ("player", "court")]``.
    A term of one mode has full rank at every level. In fields the weights of a term are the same along the modes that
    it has not; without a Grid of means they are for the mean over its cells. "auto": for encodings each mode alone, and
    all together (each pair instead, if all together have more than 2^20 weights on the coarsest level); for fields one
    tensor of all modes. ``None``: one tensor of all modes, the paper's model. Features of several terms that are
    numbers are standardized: their weights are for deviations from the mean over the training rows.
rank : "auto", int, tuple of int, None or dict, default="auto"
    Number K of components; for "tucker" also a tuple, one for each mode. No more are trained than the weight tensor
    can use (`rank_`). ``None``: full rank at every level. "auto": chosen from 1 to 21, on the blocks of rows that
    choose the penalties: the smallest that larger ones do not beat by more than a standard error of the paired
    differences between blocks, and one per cent of what is explained (1 with fewer than 100 distinct rows). A dict has
    a rank for each term, by its name in `terms_` or the tuple of its modes. Ranks of terms that are "auto" or not named
    are chosen in the same way, one for all of them. Where they gain less than two standard errors on the other terms
    alone, their strengths empty them.
decomposition : {"cp", "tucker"}, default="cp"
    How the weight tensor of the low-rank phase is decomposed.
resolutions : "auto", "fixed" or list of {grid name: shape}, default="auto"
    Shapes of the grids at each level, coarse to fine; a grid that is not named has its finest shape. "auto": all grids
    are halved as long as they keep 6 cells along an axis; axes that have fewer than 11 stay. "fixed": the finest only.
n_levels : int or None, default=None
    Train only the first (coarsest) levels; predictions then coarsen X to that resolution. It can be the resource of a
    halving search.
full_rank_levels : int or "auto", default="auto"
    Number of levels r_0 on which the full weight tensor is trained before it is decomposed. "auto": 1; all, if there
    are two modes and the rank represents every matrix of their sizes; in a sum of terms the fits from which ranks are
    chosen stand for it. 0: low rank from random factors.
alpha_spatial, alpha_l2 : float, "auto" or dict, default="auto"
    Strength of the penalties, which are means over the entries of W: of the squared gradient of the maps, in units of
    the diagonal of the grid (eq. 3), and of the squared weights. "auto": chosen by cross-validation over 12 blocks of
    consecutive rows, on the coarsest level (fixed values with fewer than 100 distinct rows; on a part of the rows if
    very many are distinct). The low-rank levels use a fraction of them, 0.01 to 1, chosen on the same blocks.
    With `terms` each term has its own, and each grid one along each of its axes, of the squared gradient in units of
    the axis' length: a dict has numbers, "auto", or for a grid a tuple of these, by term or by grid. "auto" is then
    estimated by generalized Fellner-Schall updates (Wood and Fasiolo 2017) on the coarsest level, times a common factor
    that is chosen on left-out blocks, as is a fraction of them for low-rank terms; a term that explains nothing gets
    strengths that empty it.
sigma : float or "auto", default="auto"
    Width of the kernel of eq. (4), in units of the squared diagonal of the grid. "auto": the squared spacing of the
    cells at each level, so that neighbours are compared.
cv : int, splitter or None, default=None
    Blocks of rows that are left out for the choice of penalties. ``None``: 12 blocks of consecutive rows, or of whole
    `groups` if fit gets these. An int: that number of them. A splitter of scikit-learn must leave out every row exactly
    once and train on all others.
nonnegative : collection of str or "all", default=()
    Names of modes whose factors must not be negative.
solver : {"auto", "lbfgs", "adam", "sgd"}, default="auto"
    "auto" is "lbfgs", on all samples at once, but for fields Gauss-Newton steps, and for the first full-rank level with
    squared loss the exact solution, where they can be had; "adam" and "sgd" use mini-batches.
learning_rate : float, default=0.01
    Learning rate of "adam" and "sgd".
lr_decay : float, default=0.95
    Factor by which the learning rate is multiplied after each epoch.
batch_size : int or "auto", default="auto"
    Number of distinct rows in a mini-batch. "auto": a fiftieth of the distinct rows, at least 256.
max_epochs : int, default=100
    Maximum number of epochs per level.
full_rank_alpha_spatial, full_rank_alpha_l2, full_rank_learning_rate : float or None, default=None
    Values for the full-rank phase. ``None``: `alpha_spatial`, `alpha_l2` and `learning_rate`.
criterion : {"auto", "validation_loss", "gradient_norm", "gradient_variance", "gradient_entropy"} or callable, \
default="auto"
    The number that ends a level when it has risen by more than `tol` from one epoch to the next `patience` times. A
    callable gets the epoch's record of `history_`. "auto": the validation loss if X_val is given, or if "adam" or "sgd"
    train on more than 10 000 rows; otherwise the solver's convergence.
patience : int, default=1
    Number of rises of the criterion that end a level. A larger number trains longer through noise. It matters where a
    criterion ends levels, with "adam" and "sgd" or a criterion that is given; otherwise levels end when they converge.
tol : float, default=0.0
    A rise of the criterion from one epoch to the next by up to this amount, in the criterion's own unit, is not counted
    by `patience`.
validation_fraction : float or None, default=0.2
    Fraction of the rows that is held out if the criterion is the validation loss and X_val is not given: four runs of
    consecutive rows at random positions.
device : str or torch.device, default="auto"
    "auto": a GPU if torch has one.
warm_start : bool or "grown", default=False
    ``True``: continue from the last fit if `n_levels` has grown and nothing else, X and y included, has changed.
    "grown": if X and y have changed too, as an archive that has grown by a year, keep the rank and the penalties of the
    last fit, and train its weights further at the finest level only. If an output, a class or the places without data
    have changed, begin anew.
checkpoint : path-like, (path-like, minutes) or None, default=None
    File to which the state of the training is written after each level, and every 5 (or other) minutes within a level.
    If it exists when fit is called, training continues from it and ends with the same model, bit for bit on one thread.
    A file that is damaged, or of other data or parameters, is refused. If writing fails, fit warns and continues.
random_state : int, RandomState instance or None, default=None
    Seed of random factors, mini-batches and held-out rows. ``None``: another seed in every fit.
verbose : int, default=0
    0 prints nothing, however long the fit is. 1 prints a line for each level, 2 one for each epoch. Both also print, as
    they begin, how long the choice of rank and penalties and each level will be, if that is ten seconds or more."""

ATTRIBUTES = """\
factors_ : dict of ndarray
    For each mode, by name, an array of shape (*shape of the mode, K) with unit columns; NaN for cells without data. The
    mode of several outputs is "output", that of more than two classes "class". The largest entry of a column is
    positive in every mode except the largest Grid (the first mode without one), which takes the sign that remains; with
    "tucker" it is positive in every mode, and the core takes the signs. Not with full rank.
component_weights_ : ndarray of shape (K,)
    Weights of the components, descending: W is the sum of ``component_weights_[k]`` times the outer product of the
    k-th columns. With "tucker": `core_`, of shape (K_1, K_2, ...).
intercept_ : float or ndarray of shape (T,)
    b, for each of T outputs: the score of a row of zeros, or of the means of numbers that are standardized.
terms_ : dict of str to FittedTerm
    The terms by name, such as "court" and "player x court", with their ``factors``, ``component_weights``, ``coef``,
    ``rank``, ``alpha_l2``, ``alpha_spatial``, ``degrees_of_freedom`` (effective number of parameters on the coarsest
    level) and ``is_empty``. `factors_`, `component_weights_` and `tensor_` are those of the first term with the most
    modes.
coef_ : ndarray
    W as a dense array, computed on demand; with several terms see `terms_`.
tensor_ : FittedTensor
    The weight tensor with all that predictions need; its ``modes`` have shapes, dimensions and coordinates.
rank_ : int, tuple of int or None
    The rank that was trained.
modes_ : tuple of Feature and Grid
    The modes with their sizes and bounds.
resolutions_ : list of dict
    Shapes of the grids at each level that was trained.
alpha_spatial_, alpha_l2_ : float
    Strengths of the penalties in the low-rank phase, or in the full-rank phase if there is no other; with `terms` see
    `terms_`.
alpha_path_ : list of dict
    All alphas that were tried, with their cross-validated error: first those of the full-rank model, then those of the
    low-rank model ("rank"), which are a fraction ("fraction") of those that were chosen for the full-rank model. With
    `terms`: the common factors ("factor"), and the ranks and fractions ("rank", "fraction") that were tried.
rank_path_ : list of dict
    The records of `alpha_path_` that have a rank: each rank that was tried, with each fraction of the penalties. A rank
    that loses on the first half of the folds is not fitted to the others; its error is then that of the smaller rank
    plus the difference in those folds.
history_ : list of dict
    A record for every epoch: level, phase, resolution, epoch, seconds (since training began), train_loss,
    validation_loss (NaN without validation data), objective, gradient_norm, gradient_variance, gradient_entropy.
    Losses are of standardized targets, or of counts divided by their mean.
n_iter_ : int
    Number of epochs.
n_features_in_ : int
    ``X.shape[1]``.
feature_names_in_ : ndarray of str
    If X has them."""

NOTES = """\
Notes
-----
X has one of two layouts. *Fields*: an N-D array (n, ...) with one or more axes for each mode. *Encodings*: a 2-D array
or sparse matrix with the modes' encodings side by side, as a `ModeEncoder` makes it; a sample's tensor is the outer
product of its encodings, which is never formed.

Computation is in the precision of X, float32 or float64.

Ctrl-C ends training with a warning and keeps the best weights so far, at the resolution of the interrupted level. If no
epoch of the low-rank phase has ended (of the full-rank phase, if there is no other), KeyboardInterrupt is raised and
the estimator keeps its previous state; the same holds in searches, cross-validation and ensembles.

References
----------
J. Y. Park, K. T. Carr, S. Zheng, Y. Yue and R. Yu, "Multiresolution Tensor Learning for Efficient and Interpretable
Spatial Analysis", ICML 2020."""


X = """\
X : array-like, sparse matrix, torch.Tensor, dask array, xarray.DataArray or Dataset, of shape (n, ...)
    Rows of the same shape as in fit. A dask array, chunked along its rows, gives a dask array."""

FIT_X = """\
X : array-like, sparse matrix, torch.Tensor, dask array, xarray.DataArray or Dataset, of shape (n, ...)
    Samples, in either layout. A dask array is chunked along its rows, and computed block by block in each pass. The
    variables of a Dataset become an axis after the first, "variable". In fields (N-D X) NaN means that there are no
    data: a cell that is NaN in all samples (land) has no weight; one that is NaN in some samples is filled with its
    training mean, with a warning."""

FIT_WEIGHTS = """\
sample_weight : array-like of shape (n,), default=None
    Not negative; rows of weight 0 are left out. ``None``: 1. Only their proportions matter, except with
    ``loss="poisson"``, where they are exposures.
X_val, y_val, sample_weight_val : as X, y and sample_weight, default=None
    Validation data. The weights with the smallest loss on them are kept. Within scikit-learn's
    ``TransformedTargetRegressor`` give y_val transformed: it transforms y only.
groups : array-like of shape (n,), default=None
    Rows of the same group, such as a game, are left out together when penalties are chosen or rows are held out.

Returns
-------
self"""

PARTS = {
    "parameters": PARAMETERS, "attributes": ATTRIBUTES, "notes": NOTES, "x": X, "fit_x": FIT_X,
    "fit_weights": FIT_WEIGHTS,
}  # fmt: skip


def document(cls: type[T]) -> type[T]:
    """Fill the shared parts into the docstrings of a class and its methods."""
    for documented in (cls, *(member for member in vars(cls).values() if callable(member))):
        if documented.__doc__:
            documented.__doc__ = fill(documented.__doc__)
    return cls


def fill(text: str) -> str:
    """Return a docstring whose lines ``{name}`` are the part of that name, indented as they are."""

    def part(match: re.Match) -> str:
        indent, name = match.groups()
        return "\n".join((indent + line).rstrip() for line in PARTS[name].splitlines())

    return re.sub(rf"^( *){{({'|'.join(PARTS)})}}$", part, text, flags=re.MULTILINE)
