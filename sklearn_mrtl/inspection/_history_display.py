"""Pictures of how training went."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from sklearn_mrtl.inspection._components import fitted_model
from sklearn_mrtl.inspection._figures import panels, pyplot

CALLER = "HistoryDisplay"
X_AXES = {"epoch": "epoch", "seconds": "seconds since training began"}
PANELS = {
    "loss": {"train_loss": "training", "validation_loss": "validation"},
    "objective": {"objective": "loss and penalties"},
    "gradient_norm": {"gradient_norm": "squared norm"},
    "gradient_variance": {"gradient_variance": "variance"},
    "gradient_entropy": {"gradient_entropy": "entropy"},
}
LOG_SCALE = ("gradient_norm", "gradient_variance")
SHAPE = 3.2  # width over height of a panel
NAME_GAP = 22  # points between the names of levels: two lines of small letters, at an angle


class HistoryDisplay:
    """Losses and finegraining criteria over the epochs of training, or over its seconds.

    Made by `from_estimator`. Vertical lines mark where a level ends (figures 4, 5 and 10 of Park et al., 2020).

    Parameters
    ----------
    history : list of dict
        ``history_`` of a fitted estimator.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The one given, or that of the first panel.
    axes_ : ndarray of Axes, shape (number of panels, 1)
    figure_ : matplotlib Figure
    level_axis_ : SecondaryAxis
        Above the first panel, with the shapes and the stage of each level. In a figure with ``layout="constrained"``
        there is room for it.
    lines_ : dict of list of Line2D
        The curves of each panel, by what is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import HistoryDisplay
    >>> ocean = make_ocean(100, shape=(8, 18), random_state=0)
    >>> model = MRTLRegressor(ocean.modes, rank=3).fit(ocean.data, ocean.target)
    >>> display = HistoryDisplay.from_estimator(model, values="loss")
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('epoch', 'loss')
    """

    def __init__(self, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **plot_options) -> HistoryDisplay:
        """Draw the history of a fitted model.

        Parameters
        ----------
        estimator : fitted MRTLRegressor, MRTLClassifier or Pipeline ending in one
        ax : matplotlib Axes or array-like of Axes, default=None
            As in `plot`.
        **plot_options
            As in `plot`.

        Returns
        -------
        HistoryDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        pyplot(f"{CALLER}.from_estimator")
        return cls(fitted_model(estimator).history_).plot(ax=ax, **plot_options)

    def plot(
        self,
        *,
        x: str = "epoch",
        values: str | Sequence[str] = ("loss", "gradient_norm", "gradient_variance", "gradient_entropy"),
        ax=None,
    ) -> HistoryDisplay:
        """Draw.

        Parameters
        ----------
        x : {"epoch", "seconds"}, default="epoch"
        values : str or sequence of {"loss", "objective", "gradient_norm", "gradient_variance", "gradient_entropy"}
            A panel for each. "loss": that of training and, where there are data for it, of validation.
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes for each panel, or one whose place is divided; None: a new figure.

        Returns
        -------
        HistoryDisplay
            Itself.

        Raises
        ------
        ValueError
            If there is nothing of that name.
        """
        values = [values] if isinstance(values, str) else list(values)
        if x not in X_AXES:
            raise ValueError(f"x must be one of {list(X_AXES)}, got {x!r}.")
        if not values or not set(values) <= PANELS.keys():
            raise ValueError(f"values must be among {list(PANELS)}, got {values}.")
        self.figure_, self.axes_ = panels(ax, len(values), 1, len(values), SHAPE, caller=CALLER, sharex=True)
        drawn = list(self.axes_.flat)
        self.ax_ = ax if ax is not None and not isinstance(ax, Sequence | np.ndarray) else drawn[0]
        places = self._places(x)
        self.lines_ = {name: self._draw(panel, name, places) for name, panel in zip(values, drawn, strict=True)}
        self._mark_levels(drawn, places, x)
        for panel in drawn[:-1]:
            panel.tick_params(labelbottom=False)
        drawn[-1].locator_params(axis="x", integer=x == "epoch")
        drawn[-1].set_xlabel(X_AXES[x])
        return self

    def _places(self, x: str) -> np.ndarray:
        """Where each epoch stands."""
        if x == "epoch":
            return np.arange(1, len(self.history) + 1)
        return np.array([record["seconds"] for record in self.history])

    def _parts(self) -> list[tuple[dict, int, int]]:
        """First record, first and last number of the epochs of each level and stage."""
        parts, start = [], 0
        for _, group in groupby(self.history, key=lambda record: (record["level"], record["phase"])):
            records = list(group)
            parts.append((records[0], start, start + len(records) - 1))
            start += len(records)
        return parts

    def _draw(self, panel, name: str, places: np.ndarray) -> list:
        """The curves of a panel, broken between levels, whose losses are of different models."""
        from matplotlib.ticker import LogFormatterSciNotation

        lines = []
        for i, (key, label) in enumerate(PANELS[name].items()):
            values = np.array([record[key] for record in self.history], dtype=float)
            if np.isnan(values).all():
                continue
            for number, (_, first, last) in enumerate(self._parts()):
                part = slice(first, last + 1)
                lines += panel.plot(
                    places[part], values[part], color=f"C{i}", marker="." if last - first < 30 else None,
                    label=label if number == 0 else None,
                )  # fmt: skip
        panel.set_ylabel(name.replace("_", " "))
        if name in LOG_SCALE:
            panel.set_yscale("log")
            panel.yaxis.set_minor_formatter(LogFormatterSciNotation(minor_thresholds=(0.6, 0.3)))  # else they overlap
        if len(PANELS[name]) > 1:
            panel.legend(fontsize="small")
        return lines

    def _mark_levels(self, drawn: Sequence, places: np.ndarray, x: str) -> None:
        """Lines where levels end, and above the first panel what was trained between them."""
        parts = self._parts()
        half = 0.5 if x == "epoch" else 0.0
        ends = np.array([half, *(places[last] + half for _, _, last in parts)])
        for panel in drawn:
            for end in ends[1:-1]:
                panel.axvline(end, color="0.6", linewidth=0.8, linestyle="--", gid="level end")
        first, last = ends[0], ends[-1] * (1.0 if x == "epoch" else 1.02)
        for panel in drawn:
            panel.set_xlim(first, last)
        names = [title(record) for record, _, _ in parts]
        least = NAME_GAP / 72 / (drawn[0].get_position().width * drawn[0].figure.get_figwidth())
        middles = apart(((ends[:-1] + ends[1:]) / 2 - first) / (last - first), least)
        self.level_axis_ = drawn[0].secondary_xaxis("top")  # an axis, so that a title stands above the names
        self.level_axis_.set_xticks(
            first + middles * (last - first), names, rotation=50, rotation_mode="anchor", ha="left", va="center",
            fontsize="x-small",
        )  # fmt: skip
        self.level_axis_.tick_params(length=0, pad=8)


def apart(places: np.ndarray, least: float) -> np.ndarray:
    """Ascending places in (0, 1), moved as little as needed to be so far from one another, or evenly where none fit."""
    places = places.copy()
    least = min(least, 1 / len(places))
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + least)
    places[-1] = min(places[-1], 1.0)
    for i in range(len(places) - 2, -1, -1):
        places[i] = min(places[i], places[i + 1] - least)
    return places


def title(record: dict) -> str:
    """Return the shapes of a record's grids, with its phase below."""
    shapes = ", ".join("×".join(map(str, shape)) for shape in record["resolution"].values())
    return f"{shapes}\n{record['phase'].replace('_', ' ')}"
