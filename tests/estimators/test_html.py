from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import requires_sklearn
from sklearn.ensemble import VotingRegressor
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl.preprocessing import AreaWeighter

shows_attributes = requires_sklearn("1.9", "the table of fitted attributes in notebooks")


class Cells(HTMLParser):
    """Rows of the table of the training in a page."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.in_cell = [], False
        self.feed(page)
        (self.rows,) = (rows for rows in self.tables if rows[0][:2] == ["level", "phase"])

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.in_cell = True
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.in_cell:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2, 24, 24))
    return X, X[:, :, 8:14, 8:14].sum((1, 2, 3)) + rng.normal(size=120)


@shows_attributes
@pytest.mark.parametrize("held_out", [False, True])
def test_a_notebook_shows_modes_levels_and_losses_after_fit(data, held_out):
    X, y = data
    model = MRTLRegressor([Feature("<lag>"), Grid("sea", (24, 24))], rank=2)
    assert "Fitted on" not in model._repr_html_()
    model.fit(X[:90], y[:90], **({"X_val": X[90:], "y_val": y[90:]} if held_out else {}))
    page = model._repr_mimebundle_()["text/html"]
    assert "&lt;lag&gt;" in page and "<lag>" not in page and "sk-estimator" in page
    head, *rows = Cells(page).rows
    assert head[:4] == ["level", "phase", "sea", "epochs"] and ("validation loss" in head) == held_out
    assert [row[2] for row in rows] == [
        " × ".join(map(str, model.resolutions_[int(row[0]) - 1]["sea"])) for row in rows
    ]
    assert sum(int(row[3]) for row in rows) == model.n_iter_
    seconds = sum(float(row[4]) for row in rows)
    assert seconds == pytest.approx(model.history_[-1]["seconds"], abs=0.01 * len(rows))
    assert float(rows[-1][head.index("training loss")]) == pytest.approx(model.history_[-1]["train_loss"], rel=1e-3)


@shows_attributes
def test_dense_weights_are_not_made_to_be_shown(data, monkeypatch):
    def refuse(*_):
        raise MemoryError

    model = MRTLRegressor(rank=2).fit(*data)
    monkeypatch.setattr("sklearn_mrtl._estimators.fitted.FittedTensor.coefficients", refuse)
    page = make_pipeline(model)._repr_html_() + model._repr_html_()
    assert "component_weights_" in page and "coef_" not in page


@shows_attributes
def test_a_pipeline_shows_its_own_diagram_with_the_training_in_it(data):
    X, y = data
    pipeline = make_pipeline(AreaWeighter(np.linspace(-60, 60, 24), axis=2), MRTLRegressor(rank=2))
    assert "Fitted on" not in pipeline._repr_html_()
    page = pipeline.fit(X, y)._repr_html_()
    assert "MRTLRegressor" in page and "AreaWeighter" in page
    assert sum(int(row[3]) for row in Cells(page).rows[1:]) == pipeline[-1].n_iter_


def test_estimators_of_a_fitted_ensemble_that_are_not_fitted_themselves_are_shown(data):
    ensemble = VotingRegressor([("one", MRTLRegressor(rank=2)), ("other", MRTLRegressor(rank=1))]).fit(*data)
    assert ensemble._repr_html_().count("<div>MRTLRegressor</div>") == 2


@shows_attributes
@pytest.mark.filterwarnings("ignore:training diverged")
def test_a_model_without_a_single_finite_epoch_is_shown(data, capsys):
    X, y = data
    hopeless = {"solver": "sgd", "learning_rate": 1e300, "full_rank_levels": 0, "batch_size": 8}
    model = MRTLRegressor(rank=2, verbose=1, **hopeless).fit(1e300 * X, y)
    printed = capsys.readouterr().out.splitlines()
    assert model.history_ == [] and [line.split(":")[0] for line in printed] == ["chosen"]
    assert len(Cells(model._repr_html_()).rows) == 1


def test_printed_it_stays_short():
    levels = [{"court": (n, n)} for n in range(6, 60)]
    modes = [Feature("player", 2000), Grid("court", (60, 60), bounds=[(0, 50), (0, 47)])]
    printed = str(MRTLRegressor(modes, resolutions=levels))
    assert (
        printed.count("\n") < 40
        and printed.endswith("...])")
        and printed.startswith("MRTLRegressor(modes=[Feature('player'")
    )
