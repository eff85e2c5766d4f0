"""One HTML page about a fitted model."""

from __future__ import annotations

import warnings
from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from functools import partial
from html import escape
from importlib import import_module
from io import BytesIO
from pathlib import Path

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from sklearn_mrtl._estimators.base import BaseMRTL
from sklearn_mrtl._estimators.html import training_table
from sklearn_mrtl._utils.arrays import is_dataarray
from sklearn_mrtl._utils.labels import align_target
from sklearn_mrtl._utils.maps import labelled_like
from sklearn_mrtl._utils.skill import skill_of
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.inspection._bands import FactorBands
from sklearn_mrtl.inspection._component_display import ComponentDisplay
from sklearn_mrtl.inspection._components import fitted_model
from sklearn_mrtl.inspection._factor_display import FactorDisplay
from sklearn_mrtl.inspection._figures import pyplot
from sklearn_mrtl.inspection._history_display import HistoryDisplay
from sklearn_mrtl.inspection._mode_picture import options_by_mode, picture_of
from sklearn_mrtl.inspection._skill_display import SkillDisplay
from sklearn_mrtl.inspection._term_display import TermDisplay
from sklearn_mrtl.inspection._terms import select_term

CALLER = "report"
STRENGTHS = ["term", "rank", "alpha_l2", "alpha_spatial", "degrees of freedom"]
MOST_COMPONENTS = 6  # of a term that the page draws
SMALLEST_INCH = 60  # pixels of a page for an inch of a picture, so that it can be read on a phone, where it scrolls
STYLE = """
body { font-family: system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid #ccc; }
.scroll { overflow-x: auto; margin: 0.5rem 0; } table { border-collapse: collapse; } td { overflow-wrap: break-word; }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; vertical-align: top; }
th { color: #555; font-weight: 600; } img { max-width: 100%; height: auto; } summary { margin: 0.5rem 0; }
"""


def report(
    estimator, X, y, path, *, references: Mapping | None = None, bands: FactorBands | None = None,
    positions: Mapping | None = None, title: str = "Model report",
) -> Path:  # fmt: skip
    """Write one HTML page about a fitted model: data, schedule, penalties, scores, components and pictures.

    Pictures are inside the page, so that the file can be sent to somebody and opened without a network.

    Parameters
    ----------
    estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Rows for scores and fractions of the variance; held-out rows, or the page flatters the model.
    y : array-like of shape (n,), (n, T) or (n, n_rows, n_columns)
        Their targets. Of several outputs the mean of R² is given.
    path : path-like
        File to write; it is replaced if it exists.
    references : dict of array-like, default=None
        Predictions of other models for the same rows, by name, with which the scores are compared: of the shape of y,
        for classes probabilities of shape (n, n_classes). The mean, or the fractions of the classes, are always there.
    bands : FactorBands, default=None
        What `factor_bands` returned for the estimator: the page then shows what is settled of each factor.
    positions : dict, default=None
        Positions of a Feature's categories by its name, as in `ComponentDisplay.from_estimator`; those of the outputs
        are also where their skill is drawn.
    title : str, default="Model report"
        Title of the page.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If predictions of a reference have another shape.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import report
    >>> ocean = make_ocean(100, shape=(8, 18), random_state=0)
    >>> model = MRTLRegressor(ocean.modes, rank=1).fit(ocean.data[:70], ocean.target[:70])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = report(model, ocean.data[70:], ocean.target[70:], folder + "/ocean.html")
    ...     page = file.read_text(encoding="utf-8")
    >>> "<h2>Scores</h2>" in page, "http" in page
    (True, False)
    """
    pyplot(CALLER)
    model = fitted_model(estimator)
    labels = model.tensor_.outputs.form.labels
    references = {name: align_target(with_labels_of(y, own), labels) for name, own in (references or {}).items()}
    labelled = align_target(y, labels)
    y = np.asarray(labelled)
    sections = {
        "Data": table(["", ""], describe_data(model, X, y)),
        "Training": scrolling(training_table(model)),
        "Rank and penalties": table(*strengths(model)),
    }
    with warnings.catch_warnings(record=True) as caught:  # the same rows are predicted again and again
        sections["Scores"] = table(*scores(estimator, X, y, references))
        drawn = displays(estimator, model, X, labelled, bands, positions)
        drawn |= bands_of_single_modes(estimator, model, bands)
        for name, display in drawn.items():
            sections[name] = picture(display, name)
    for message, category in dict.fromkeys((str(warning.message), warning.category) for warning in caught):
        warn(message, category)
    version = import_module("sklearn_mrtl").__version__  # of the package, which imports this room
    made = f"{type(model).__name__}, sklearn_mrtl {version}, {date.today().isoformat()}"
    body = "".join(f"<h2>{escape(name)}</h2>{content}" for name, content in sections.items())
    page = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1><p>{escape(made)}</p>{body}</body></html>\n"
    )
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path


def describe_data(model: BaseMRTL, X, y: np.ndarray) -> list[list]:
    """Return what was fitted and what it is judged on."""
    rows = [["modes", ", ".join(map(repr, model.modes_))]]
    rows += [["rows of this page", f"{len(y):,}"]]
    masks = {name: mode.mask for name, mode in model.tensor_.modes.items() if mode.mask is not None}
    rows += [[f"cells of {name} with data", f"{mask.sum():,} of {mask.size:,}"] for name, mask in masks.items()]
    if is_classifier(model):
        counts = ", ".join(f"{label}: {np.mean(y == label):.1%}" for label in model.classes_)
        return [*rows, ["classes", counts]]
    y = y.astype(float)
    shape = f", {' x '.join(map(str, y.shape[1:]))} outputs" if y.ndim > 1 else ""
    return [*rows, ["target", f"mean {np.nanmean(y):.4g}, standard deviation {np.nanstd(y):.4g}{shape}"]]


def strengths(model: BaseMRTL) -> tuple[list, list[list]]:
    """Return the head and the rows of a table of ranks, penalties, and degrees of freedom where they are known."""
    rows = [
        [
            name, "full" if term.rank is None else term.rank, f"{term.alpha_l2:.3g}", spatial(term.alpha_spatial),
            "" if np.isnan(term.degrees_of_freedom) else f"{term.degrees_of_freedom:.1f}",
        ]
        for name, term in model.terms_.items()
    ]  # fmt: skip
    n_columns = len(STRENGTHS) if any(row[-1] for row in rows) else len(STRENGTHS) - 1
    return STRENGTHS[:n_columns], [row[:n_columns] for row in rows]


def spatial(alphas) -> str:
    """Return the strengths of the grids of a term."""
    return "; ".join(f"{name} {', '.join(f'{alpha:.3g}' for alpha in np.ravel(own))}" for name, own in alphas.items())


def scores(estimator, X, y: np.ndarray, references: Mapping) -> tuple[list, list[list]]:
    """Return the head and the rows of the table of scores: the model, references, and predicting the mean."""
    if not is_classifier(estimator):
        y = y.astype(float)
        filled = np.where(np.isnan(y).all(axis=0), 0, y)  # places without a target have no mean
        means = np.broadcast_to(np.nanmean(filled, axis=0), y.shape)
        rows = {"this model": estimator.predict(X), **references, "mean of these rows": means}
        known = {name: checked(name, prediction, y.shape) for name, prediction in rows.items()}
        return ["", "R²", "root mean squared error"], [
            [name, f"{np.nanmean(skill_of(y, values)):.3f}", f"{np.sqrt(np.nanmean((y - values) ** 2)):.4g}"]
            for name, values in known.items()
        ]
    classes = list(estimator.classes_)
    fractions = np.broadcast_to([np.mean(y == label) for label in classes], (len(y), len(classes)))
    rows = {"this model": estimator.predict_proba(X), **references, "fractions of these rows": fractions}
    binary = len(classes) == 2
    table_rows = []
    for name, given in rows.items():
        values = checked(name, given, (len(y), len(classes)))
        right = accuracy_score(y, np.array(classes)[values.argmax(axis=1)])
        both = len(np.unique(y)) == 2
        area = [f"{roc_auc_score(y == classes[1], values[:, 1]):.3f}" if both else ""] if binary else []
        table_rows.append([name, f"{log_loss(y, values, labels=classes):.4f}", f"{right:.3f}", *area])
    return ["", "log loss", "accuracy", *(["area under the ROC curve"] if binary else [])], table_rows


def with_labels_of(y, prediction):
    """Return a prediction of the shape of y with its names, unless it has some."""
    has_names = hasattr(prediction, "columns") or is_dataarray(prediction)
    return prediction if has_names or np.shape(prediction) != np.shape(y) else labelled_like(y, np.asarray(prediction))


def checked(name: str, prediction, shape: tuple[int, ...]) -> np.ndarray:
    """Return predictions of a shape."""
    values = np.asarray(prediction, dtype=float)
    if values.shape != shape:
        raise ValueError(f"predictions of {name!r} in references must have shape {shape}, got {values.shape}.")
    return values


def displays(estimator, model: BaseMRTL, X, y, bands: FactorBands | None, positions: Mapping | None) -> dict:
    """Return the pictures of a page by their titles, as functions that draw them."""
    known = options_by_mode({"positions": positions}, model)["positions"]
    drawn: dict = {}
    if len(model.terms_) > 1:
        drawn["Terms"] = lambda: TermDisplay.from_estimator(estimator, X=X)
    if hasattr(model, "component_weights_") and not model.terms_[model.tensor_.name].is_empty:
        first = range(min(len(model.component_weights_), MOST_COMPONENTS))
        title = f"Components of {model.tensor_.name}" if len(model.terms_) > 1 else "Components"
        options = {"X": X, "components": first, "bands": bands}
        if all(len(mode.shape) < 3 for mode in model.tensor_.modes.values()):
            drawn[title] = partial(ComponentDisplay.from_estimator, estimator, positions=positions, **options)
        else:
            for mode in model.tensor_.modes:
                own = {"positions": known.get(mode), **options}
                drawn[f"{title}, {mode}"] = partial(FactorDisplay.from_estimator, estimator, mode, **own)
    if is_classifier(model):
        drawn["Reliability"] = lambda: reliability(estimator, X, np.asarray(y))
    else:
        where = {}
        for name in (name for name, mode in model.tensor_.modes.items() if mode.mode is None and name in known):
            where = {"positions": known[name], "geographic": picture_of(estimator, model, name).geographic}
        drawn["Predictions and observations"] = lambda: SkillDisplay.from_predictions(y, estimator.predict(X), **where)
    drawn["History"] = lambda: HistoryDisplay.from_estimator(estimator, values="loss")
    return drawn


def bands_of_single_modes(estimator, model: BaseMRTL, bands: FactorBands | None) -> dict:
    """Return the pictures of the bands of terms of a single mode, by their titles."""
    drawn: dict = {}
    for name, term in model.terms_.items() if bands is not None else ():
        own = select_term(estimator, name)
        is_single = len(term.tensor.modes) == 1 and name != model.tensor_.name and not term.is_empty
        if is_single and hasattr(own, "component_weights_"):
            drawn[f"Bands of {name}"] = partial(FactorDisplay.from_estimator, own, name, bands=bands)
    return drawn


def reliability(estimator, X, y: np.ndarray):
    """Draw how often a class occurs among rows with about the same probability, a curve for each class."""
    from sklearn.calibration import CalibrationDisplay

    plt = pyplot(CALLER)
    _, ax = plt.subplots(figsize=(5, 4.5), layout="constrained")
    classes, probability = list(estimator.classes_), estimator.predict_proba(X)
    for k in [1] if len(classes) == 2 else range(len(classes)):
        display = CalibrationDisplay.from_predictions(
            y == classes[k], probability[:, k], n_bins=10, strategy="quantile", name=str(classes[k]), ax=ax
        )
    ax.set(xlabel="predicted probability", ylabel="fraction of the rows")
    return display


def picture(draw, name: str) -> str:
    """Return a picture as an image inside the page, and close its figure."""
    plt = pyplot(CALLER)
    with plt.rc_context({"figure.max_open_warning": 0}):
        figure = draw().figure_
        content = BytesIO()
        figure.savefig(content, format="png", dpi=110)
        width = SMALLEST_INCH * figure.get_figwidth()
        plt.close(figure)
    source = f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
    return scrolling(f'<img alt="{escape(name)}" style="min-width: {width:.0f}px" src="{source}">')


def table(head: list, rows: list[list]) -> str:
    """Return an HTML table."""

    def row(cells, kind: str) -> str:
        return "<tr>" + "".join(f"<{kind}>{escape(str(cell))}</{kind}>" for cell in cells) + "</tr>"

    body = (row(head, "th") if any(head) else "") + "".join(row(cells, "td") for cells in rows)
    return scrolling(f"<table>{body}</table>")


def scrolling(content: str) -> str:
    """Return HTML in a box that scrolls where it is wider than the page, as on a phone."""
    return f'<div class="scroll">{content}</div>'
