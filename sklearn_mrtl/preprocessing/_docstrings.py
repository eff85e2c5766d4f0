"""Parts of docstrings that the transformers share."""

N_FEATURES_IN = """\
n_features_in_ : int
    ``X.shape[1]``."""

COLUMNS = """\
n_features_in_ : int
    Number of columns of X.
feature_names_in_ : ndarray of str, shape (n_features_in_,)
    Names of the columns of X; only where all are strings."""

TIME_OF_ROWS = """\
A row's time comes from the argument ``time=`` (in pipelines as scikit-learn's metadata:
``set_fit_request(time=True)`` and the like), else from X: the coordinate "time" along the first dimension of an
``xarray.DataArray``, or a pandas time index; never from the row's number."""

LABELS = """\
A DataArray whose dimensions or coordinates are those of fit in another order is put in the order of fit, and the
result comes back in its own order. Other coordinates are an error. What has no coordinates is taken as it comes."""

PERIOD = """\
period : "month" or int, default="month"
    "month": the cycle is the year, in calendar months, and times are dates (datetime64, datetime, cftime, pandas).
    An int: length of the cycle that integer times run through, such as 24 for hours."""

STANDARDIZE = """\
standardize : bool, default=True
    Divide by the standard deviation (of the population, ddof=0). ``False``: subtract the mean only."""

HARMONICS = """\
harmonics : int or None, default=None
    Make mean and variance smooth over the cycle: a Fourier series of that many harmonics (1: one wave a year), fitted
    by least squares to the training rows and to their squared residuals. For few years of data, cycles of many
    positions, and months that the training rows lack. ``None``: each position of the cycle by itself."""

CYCLE = """\
cycle_ : ndarray of int, shape (n_positions,)
    Positions in the cycle that were seen in fit, ascending: 1..12 for months, 0..period-1 for integers. With
    `harmonics`, all there are.
n_guarded_ : int
    Number of entries of `std_` that were raised to the floor."""
