"""What holds with and without scikit-learn's callbacks, which came with its version 1.9."""

import subprocess
import sys
from pathlib import Path


def test_fits_go_on_where_scikit_learn_has_no_callbacks():
    code = """
import contextlib
import numpy as np
with contextlib.suppress(ImportError):
    import sklearn.callback
    del sklearn.callback.with_callbacks
from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, VariableScaler
from sklearn.pipeline import make_pipeline
X = np.random.default_rng(0).normal(size=(50, 2, 6, 6))
y = X[:, 0].sum((1, 2))
model = make_pipeline(VariableScaler(), MRTLRegressor(rank=1)).fit(X, y)
assert model[-1].history_ and not hasattr(model[-1], "set_callbacks")
time = np.arange("2000-01", "2004-03", dtype="datetime64[M]")
DeseasonalizedTargetRegressor(MRTLRegressor(rank=1)).fit(X, y, time=time)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
