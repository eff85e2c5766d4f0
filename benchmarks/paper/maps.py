"""Figs 1, 6 to 9, 11 and 12: maps of full-rank and random starts, coarse to fine and at the finest grids alone."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from data import TASKS
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from sklearn.base import clone
from trials import KEPT_ONLY, QUICK, SEEDS, Method, markdown, mean_and_std, timed, trial, write_page

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import make_ocean, make_shots
from sklearn_mrtl.inspection import FactorDisplay, factor_match_score, morans_i
from sklearn_mrtl.preprocessing import ModeEncoder

STARTS = {
    "full rank, coarse to fine": {},
    "full rank, finest grids only": {"resolutions": "fixed"},
    "random, coarse to fine": {"full_rank_levels": 0},
    "random, finest grids only": {"full_rank_levels": 0, "resolutions": "fixed"},
}
RANDOM = [name for name in STARTS if name.startswith("random")]
PICTURES = {  # name: data, grid, axes
    "maps_court": ("tracking frames", "court", ("feet from the baseline", "feet across the court")),
    "maps_defenders": ("tracking frames", "defenders", ("feet to the right", "feet towards the basket")),
    "maps_ocean": ("precipitation", "ocean", ("degrees east", "degrees north")),
}
COURT = (20, 25) if QUICK else (40, 50)
RANK = 6  # of the real frames; the paper's 20 is too much for six games


# Simulated data: the true factors are known


def simulated_shots(seed, n_frames=5_000 if QUICK else 100_000):
    made = make_shots(n_frames, n_players=10, n_components=3, best_auc=0.9, dtype=np.float32, random_state=seed)
    player, court, box = made.modes
    encode = ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))], dtype=np.float32)
    model = MRTLClassifier(made.modes, rank=4, terms=None, random_state=seed)  # one for the intercepts
    return encode.fit_transform(made.data), made.target, made.factors, model


def simulated_fields(seed, n_months=200 if QUICK else 1000):
    """Of twelve lags and four variables, as components that act at the same lag have no unique maps."""
    made = make_ocean(
        n_months, n_lags=12, n_variables=4, shape=(12, 27), best_r2=0.9, dtype=np.float32, random_state=seed
    )
    return made.data, made.target, made.factors, MRTLRegressor(made.modes, rank=3, random_state=seed)


# Real data: random starts are compared with each other


def real(name, seed, **options):
    task = TASKS[name](0, **options)
    if task.is_classification:
        model = MRTLClassifier(task.modes, rank=RANK, terms=None, class_weight="balanced", random_state=seed)
    else:
        model = MRTLRegressor(task.modes, rank=3, random_state=seed)
    return task.X["train"], task.y["train"], None, model


DATA_SETS = {
    "simulated shots": simulated_shots,
    "simulated fields": simulated_fields,
    "tracking frames": lambda seed: real("tracking", seed, court=COURT, thin=10 if QUICK else 1),
    "precipitation": lambda seed: real(
        "precipitation, lags 0 to 5", seed, shape=(20, 45) if QUICK else (40, 90), thin=4 if QUICK else 1
    ),
}


def smoothness(model):
    """Moran's I of the map of every component, of all grids."""
    grids = [mode.name for mode in model.modes_ if isinstance(mode, Grid)]
    maps = [model.factors_[grid][..., k] for grid in grids for k in range(model.factors_[grid].shape[-1])]
    return [float(morans_i(values, permutations=0).statistic) for values in maps]


def all_starts(data, seed):
    """Models and numbers of each start; the penalties are those that the default start chose, for all of them."""
    X, y, truth, estimator = data
    models, results = {}, {}
    given = {}
    for start, options in STARTS.items():
        model = clone(estimator).set_params(**given, **options)
        _, times = timed(model.fit, X, y)
        given = given or {"alpha_spatial": model.alpha_spatial_, "alpha_l2": model.alpha_l2_}
        smooth = smoothness(model)
        models[start] = model
        results[start] = {"moran": float(np.mean(smooth)), "least_moran": min(smooth), "cpu": times["cpu"]}
        if truth is not None:
            results[start]["match"] = float(factor_match_score(model, truth))
    return models, results


def starts_of_seed(data, seed):
    """A trial: the numbers of all starts, flat."""
    _, results = all_starts(data, seed)
    return flat(results)


def starts_of_seeds(data, seed):
    """A trial on real data, where the full-rank start knows no seed: random starts of all seeds, matched."""
    X, y, *_ = data
    models, results = all_starts(data, seed)
    for start in RANDOM:
        others = [clone(models[start]).set_params(random_state=other).fit(X, y) for other in SEEDS[1:]]
        smooth = [i for model in [models[start], *others] for i in smoothness(model)]
        results[start] |= {"moran": float(np.mean(smooth)), "least_moran": min(smooth)}
        if others:
            results[start]["match"] = float(np.mean([factor_match_score(model, models[start]) for model in others]))
    return flat(results)


def flat(results):
    return {f"{start}: {name}": value for start, numbers in results.items() for name, value in numbers.items()}


# Pages


def panel_rows(models, grid, labels, height):
    """The maps of all components, a row for each start."""
    n = models[next(iter(models))].factors_[grid].shape[-1]
    figure, axes = plt.subplots(
        len(models), n, figsize=(2.1 * n + 0.9, height * len(models)), layout="constrained", squeeze=False
    )
    for row, (start, model) in zip(axes, models.items(), strict=True):
        FactorDisplay.from_estimator(model, grid, ax=row, colorbar=False)
        for ax in row:
            ax.set_xlabel("")
            if grid == "ocean":
                in_degrees(ax, model.factors_[grid].shape)
        row[0].set_ylabel(labels[1], fontsize=8)
        row[0].annotate(
            start.replace(", ", "\n"), (0, 0.5), (-38, 0), xycoords="axes fraction", textcoords="offset points",
            rotation=90, ha="right", va="center", weight="bold", fontsize=9,
        )  # fmt: skip
    for ax in axes[-1]:
        ax.set_xlabel(labels[0], fontsize=8)
    colors = ScalarMappable(Normalize(-1, 1), "RdBu_r")
    figure.colorbar(colors, ax=axes, label="weight / the map's largest absolute weight", aspect=50, pad=0.01)
    return figure


def in_degrees(ax, shape):
    """Ticks of the ocean's cells, which end at 20 S and 60 N, 180 W and 0."""
    ax.set_xticks(np.linspace(0, shape[1], 4), ["-180", "-120", "-60", "0"])
    ax.set_yticks(np.linspace(0, shape[0], 5)[::2], ["-20", "20", "60"])


def figures():
    """Figs 1, 7, 9 and 11 (position of the handler), 8 and 12 (defenders), 6 (ocean); with KEPT_ONLY=1 as they were."""
    if KEPT_ONLY:
        return [(name, None) for name in PICTURES]
    models = {name: all_starts(DATA_SETS[name](0), 0)[0] for name in ("tracking frames", "precipitation")}
    return [
        (name, panel_rows(models[data], grid, labels, 1.5 if data == "precipitation" else 2.3))
        for name, (data, grid, labels) in PICTURES.items()
    ]


def rows_of(trials):
    lines = [["data", "start", "match score", "seeds at 0.9", "Moran's I, mean", "least", "CPU s"]]
    for name, mine in trials.groupby("task", sort=False):
        for start in STARTS:
            match = mine.get(f"{start}: match", pd.Series(dtype=float)).dropna()
            at = f"{(match >= 0.9).sum()} of {len(match)}" if name.startswith("simulated") else ""
            lines.append([
                name, start, mean_and_std(match), at, mean_and_std(mine[f"{start}: moran"]),
                f"{mine[f'{start}: least_moran'].min():.2f}", mean_and_std(mine[f"{start}: cpu"], 2),
            ])  # fmt: skip
    return markdown(lines)


TEXT = f"""What the paper shows with pictures, with numbers beside them. Four starts with the penalties that the first
one chose: from the full-rank model as in the paper, or from random factors; on coarse grids first, or on the finest
alone.

On simulated data (ten seeds of data and start) the match score says how near the factors are to the true ones. On real
data (one split, rank {RANK} for frames and 3 for precipitation) it says how near the factors of ten random starts are
to those of the first of them; the full-rank start knows no seed. Moran's I (queen) is that of the map of every
component: 1 is smooth, 0 is noise. Seconds of the first start include the choice of penalties.

Simulated fields have their true rank, 3. Simulated shots have rank 4, one more than true: players differ in how often
they score, which takes a component of its own. This was changed after a first run with rank 3, in which the match
scores of all four starts were lower; that run is not kept.

Frames, simulated (100 000) and real (9 000), have the paper's grids, 40 x 50 and 12 x 12 cells; simulated fields have
1000 months of 12 x 27 cells, precipitation 40 x 90 cells.

What is seen: on simulated shots the start from the full rank finds the true factors in every seed; random factors do so
less often, and least often without coarse grids. On real frames random factors on the finest grids stay noise, as in
the paper's figures 1, 9, 11 and 12; with coarse grids first they become maps, but other ones for each seed. On fields,
simulated and real, all four starts give maps of about the same smoothness.

Pictures: the paper's figures 1, 7, 9, 11 (court), 8, 12 (defenders) and 6 (ocean), each start a row, each component a
column. Red is positive, blue negative, each map in units of its own largest weight; grey is land. The sign of a map
alone means nothing: a component multiplies the maps of the court and of the defenders with a weight for each player.
Where both maps are nearly the same in all cells, a component is hardly more than a number for each player. Frames: the
basket is at 5 feet from the baseline, in the middle; defenders are shown around the player, who is at (0, 0) and looks
at the basket. Ocean: cells of 2 degrees.
"""


def main():
    rows = []
    for name, make in DATA_SETS.items():
        is_real = not name.startswith("simulated")
        measure = starts_of_seeds if is_real else starts_of_seed
        for seed in [0] if is_real else SEEDS:
            rows.append(
                trial("maps", name, {}, Method("starts", measure), seed, lambda make=make, seed=seed: make(seed))
            )
    trials = pd.DataFrame([row for row in rows if row])
    write_page("maps", "Maps: full-rank and random starts", f"{TEXT}\n\n{rows_of(trials)}", trials, figures())


if __name__ == "__main__":
    main()
