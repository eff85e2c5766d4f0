"""Other periods: the forecasts of `beyond`, trained to the end of a decade and tested on the next one."""

from functools import partial

import beyond_tasks as tasks
import numpy as np
import pandas as pd
from beyond import Task, run
from peers import Peer
from peers_fields import ocean_peers, ours
from trials import QUICK, markdown, succeeded, write_page

LAST_YEARS = (1950, 1960, 1970, 1980, 1990, 2000, 2010)
N_MONTHS = 120
WITH_BLOCKS_OF_OTHERS = "MRTLRegressor(cv=4), 2 degrees"
PEERS = {
    "MRTLRegressor()": "ours",
    WITH_BLOCKS_OF_OTHERS: "ours, blocks and cells of ridge",
    "ridge": "ridge",
    "EOF regression": "EOF regression",
    "PLS, 4 degrees": "PLS",
    "himalaya, a strength for each lag, 4 degrees": "himalaya",
    "tensorly, CPRegressor, 4 degrees": "tensorly",
    "climatology": "climatology",
}


def peers():
    own = Peer(WITH_BLOCKS_OF_OTHERS, partial(ours, cv=tasks.N_BLOCKS), "ours", "sklearn_mrtl", "half")
    return [peer for peer in [*ocean_peers(), own] if peer.name in PEERS]


def task(name, title, split, **options):
    def of_decade(last_year):
        return split(0, last_year=last_year, n_months=N_MONTHS, **options)

    return Task(name, title, "", of_decade, peers(), parts=LAST_YEARS)


TASKS = [
    task("nino3", "Nino3.4, three months ahead", tasks.nino, lead=3),
    task("nino6", "Nino3.4, six months ahead", tasks.nino, lead=6),
    task("rain", "Midwest precipitation", tasks.later_precipitation, lags=range(6)),
]


def table_of(trials):
    """R^2 of each decade and method, their means, and by how much a method is better than ours."""
    r2 = (1 - trials.loss / trials.variance).groupby([trials.seed, trials.method]).first().unstack()
    r2 = r2[[name for name in PEERS if name in r2]]
    lines = [["tested on", *(PEERS[name] for name in r2)]]
    lines += [[f"{year + 1} to {year + N_MONTHS // 12}", *(f"{v:.3f}" for v in row)] for year, row in r2.iterrows()]
    gains = r2.sub(r2["MRTLRegressor()"], axis=0)
    lines.append(["mean", *(f"{value:.3f}" for value in r2.mean())])
    lines.append(["better (+) or worse than ours", "", *map(mean_and_error, gains.to_numpy().T[1:])])
    return markdown(lines)


def mean_and_error(gains):
    """Mean over decades and its standard error, which one decade has not."""
    error = f" ± {gains.std(ddof=1) / np.sqrt(len(gains)):.3f}" if len(gains) > 1 else ""
    return f"{gains.mean():+.3f}{error}"


TEXT = """The comparison [beyond the paper](beyond.md) has one split of the years of each forecast. Here are seven, each
trained on all months to the end of a decade and tested on the next ten years, so that no method knows what comes later.
Methods and their settings are those of that page. R^2 is that of the decade's own variance: a quiet decade has a low
one. ± is the standard error over the decades.

Ours has its defaults: cells of 1 degree, and penalties by 12 blocks of training months without gaps. Ridge regression
has cells of 2 degrees and 4 blocks with a gap as long as a sample's months and the lead. "ours, blocks and cells of
ridge" has 4 blocks and cells of 2 degrees as well (the package has no gaps between blocks)."""


def main():
    sections, every = [], []
    for each in TASKS[1:2] if QUICK else TASKS:
        trials, missing = run(each, "periods")
        names = "; ".join(f"{name} ({why})" for name, why in missing.items())
        sections += [f"## {each.title}", table_of(succeeded(trials)), f"Not in the table: {names}." if names else ""]
        every.append(trials)
    write_page("periods", "Other periods", "\n\n".join([TEXT, *sections]), pd.concat(every))


if __name__ == "__main__":
    main()
