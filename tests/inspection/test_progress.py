"""Refits say how many are done and how long the others will take."""

import re

import pytest
from sklearn.utils.parallel import delayed

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.inspection import factor_bands, select_rank, stability
from sklearn_mrtl.inspection._progress import computed, progress_line


def test_the_time_left_is_that_of_the_jobs_done():
    assert progress_line("refit", 4, 10, 8.0) == "refit 4 of 10: 8 s, 12 s to go"
    assert progress_line("refit", 10, 10, 20.0) == "refit 10 of 10: 20 s"


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("verbose, done", [(0, []), (1, [2, 5]), (2, [1, 2, 3, 4, 5])])
def test_results_are_in_order_and_lines_are_few(n_jobs, verbose, done, capsys):
    jobs = (delayed(pow)(i, 2) for i in range(5))
    assert computed(jobs, 5, "job", verbose=verbose, n_jobs=n_jobs, prefer="threads") == [0, 1, 4, 9, 16]
    assert [int(number) for number in re.findall(r"job (\d) of 5: \d+ s", capsys.readouterr().out)] == done


def test_lines_of_refits(ocean, capsys):
    X, y = ocean.data, ocean.target
    model = MRTLRegressor(ocean.modes, rank=1, alpha_spatial=0.1, alpha_l2=0.1).fit(X, y)
    factor_bands(model, X, y, n_resamples=3, random_state=0, verbose=1)
    stability(model, X, y, 2, random_state=0, verbose=1)
    select_rank(model, X, y, [1, 2], cv=2, verbose=1)
    said = capsys.readouterr().out
    assert re.findall(r"(\w+ \d of \d):", said) == [
        "refit 2 of 3", "refit 3 of 3", "fit 2 of 2", "rank 1 of 2", "rank 2 of 2"
    ]  # fmt: skip
