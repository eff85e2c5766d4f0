"""Pictures of the history of training."""

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
    """Losses and criteria over the epochs or the seconds of training.

    Create it with `from_estimator`. Vertical lines mark where a level ends (figures 4, 5 and 10 of Park et al., 2020).

    Parameters
    ----------
    history : list of dict
        ``history_`` of a fitted estimator.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The given Axes, or those of the first panel.
    axes_ : ndarray of Axes, shape (number of panels, 1)
        Axes of all panels.
    figure_ : matplotlib Figure
        The figure of the panels.
    level_axis_ : SecondaryAxis
        Above the first panel, with the shapes and the phase of each level. A figure with ``layout="constrained"``
        makes room for it.
    lines_ : dict of list of Line2D
        The curves of each panel, by the names in `values`.

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
        estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
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
        """Draw the curves.

        Parameters
        ----------
        x : {"epoch", "seconds"}, default="epoch"
            The horizontal axis.
        values : str or sequence of {"loss", "objective", "gradient_norm", "gradient_variance", "gradient_entropy"}
            What to draw, with a panel for each. "loss": the training loss and, with validation data, the validation
            loss. Default: all but "objective".
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes for each panel, or one Axes, which is divided into all panels. None: a new figure.

        Returns
        -------
        HistoryDisplay
            Itself.

        Raises
        ------
        ValueError
            If `x` or `values` has an unknown name.
        """
        values = [values] if isinstance(values, str) else list(values)
        if x not in X_AXES:
            raise ValueError(f"x must be one of {list(X_AXES)}, got {x!r}.")
        if not values or not set(values) <= PANELS.keys():
            raise ValueError(f"values must be among {list(PANELS)}, got {values}.")
        self.figure_, self.axes_ = panels(ax, len(values), 1, len(values), SHAPE, caller=CALLER, sharex=True)
        drawn = list(self.axes_.flat)
        self.ax_ = ax if ax is not None and not isinstance(ax, Sequence | np.ndarray) else drawn[0]
        positions = self._positions(x)
        self.lines_ = {name: self._draw(panel, name, positions) for name, panel in zip(values, drawn, strict=True)}
        self._mark_levels(drawn, positions, x)
        for panel in drawn[:-1]:
            panel.tick_params(labelbottom=False)
        drawn[-1].locator_params(axis="x", integer=x == "epoch")
        drawn[-1].set_xlabel(X_AXES[x])
        return self

    def _positions(self, x: str) -> np.ndarray:
        """Return the horizontal position of each epoch."""
        if x == "epoch":
            return np.arange(1, len(self.history) + 1)
        return np.array([record["seconds"] for record in self.history])

    def _parts(self) -> list[tuple[dict, int, int]]:
        """Return, for each level and phase, its first record and the numbers of its first and last epoch."""
        parts, start = [], 0
        for _, group in groupby(self.history, key=lambda record: (record["level"], record["phase"])):
            records = list(group)
            parts.append((records[0], start, start + len(records) - 1))
            start += len(records)
        return parts

    def _draw(self, panel, name: str, positions: np.ndarray) -> list:
        """Draw the curves of a panel, broken between levels, because the losses of levels are of different models."""
        from matplotlib.ticker import LogFormatterSciNotation

        lines = []
        for i, (key, label) in enumerate(PANELS[name].items()):
            values = np.array([record[key] for record in self.history], dtype=float)
            if np.isnan(values).all():
                continue
            for number, (_, first, last) in enumerate(self._parts()):
                part = slice(first, last + 1)
                lines += panel.plot(
                    positions[part], values[part], color=f"C{i}", marker="." if last - first < 30 else None,
                    label=label if number == 0 else None,
                )  # fmt: skip
        panel.set_ylabel(name.replace("_", " "))
        if name in LOG_SCALE:
            panel.set_yscale("log")
            panel.yaxis.set_minor_formatter(LogFormatterSciNotation(minor_thresholds=(0.6, 0.3)))  # else they overlap
        if len(PANELS[name]) > 1:
            panel.legend(fontsize="small")
        return lines

    def _mark_levels(self, drawn: Sequence, positions: np.ndarray, x: str) -> None:
        """Draw a line at the end of each level, and name the levels above the first panel."""
        parts = self._parts()
        half = 0.5 if x == "epoch" else 0.0
        ends = np.array([half, *(positions[last] + half for _, _, last in parts)])
        for panel in drawn:
            for end in ends[1:-1]:
                panel.axvline(end, color="0.6", linewidth=0.8, linestyle="--", gid="level end")
        first, last = ends[0], ends[-1] * (1.0 if x == "epoch" else 1.02)
        for panel in drawn:
            panel.set_xlim(first, last)
        names = [title(record) for record, _, _ in parts]
        distance = NAME_GAP / 72 / (drawn[0].get_position().width * drawn[0].figure.get_figwidth())
        middles = spread(((ends[:-1] + ends[1:]) / 2 - first) / (last - first), distance)
        self.level_axis_ = drawn[0].secondary_xaxis("top")  # an axis, so that a title stands above the names
        self.level_axis_.set_xticks(
            first + middles * (last - first), names, rotation=50, rotation_mode="anchor", ha="left", va="center",
            fontsize="x-small",
        )  # fmt: skip
        self.level_axis_.tick_params(length=0, pad=8)


def spread(positions: np.ndarray, distance: float) -> np.ndarray:
    """Move ascending positions in (0, 1) until neighbours have a distance, or are spaced evenly if there is no room."""
    positions = positions.copy()
    distance = min(distance, 1 / len(positions))
    for i in range(1, len(positions)):
        positions[i] = max(positions[i], positions[i - 1] + distance)
    positions[-1] = min(positions[-1], 1.0)
    for i in range(len(positions) - 2, -1, -1):
        positions[i] = min(positions[i], positions[i + 1] - distance)
    return positions


def title(record: dict) -> str:
    """Return the shapes of a record's grids, with its phase below."""
    shapes = ", ".join("×".join(map(str, shape)) for shape in record["resolution"].values())
    return f"{shapes}\n{record['phase'].replace('_', ' ')}"
