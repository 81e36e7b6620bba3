"""Runs on OpenML tasks, published to a stand-in of the server and read back."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from skdl import DenseRegressor
from skdl.openml import check_model, publish_run, run_on_task

pytest.importorskip("openml")
import openml
from openml_models import SMALL, model_of_parameters, plain
from openml_runs import PUBLISHED, TASKS, accuracies, openml_cache
from slow_cases import slow_but

# openml leaves the file of the splits to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*datasplits.arff:ResourceWarning")


@pytest.mark.parametrize("kind", slow_but(list(PUBLISHED)[:2], PUBLISHED))
def test_publish_and_read_back(kind, server, tables):
    name, make = PUBLISHED[kind]
    run = run_on_task(make(), TASKS[name], publish=True, tags=["course"])
    received = server.runs[run.run_id]
    (measure,) = received.scores
    assert received.evaluations[measure] == pytest.approx(received.scores[measure])
    back = openml.runs.get_run(run.run_id)
    assert set(back.tags) == set(run.tags)
    assert back.fold_evaluations is None  # the server scores runs itself, later
    server.evaluate()
    back = openml.runs.get_run(run.run_id, ignore_cache=True)
    assert accuracies(back, measure) == pytest.approx(accuracies(run, measure))
    model = openml.runs.initialize_model_from_run(run.run_id)
    assert plain(model) == plain(run.model)
    X, y = tables[name]
    method = "predict" if name == "values" else "predict_proba"
    outputs = [getattr(clone(m).fit(X, y), method)(X) for m in (model, run.model)]
    np.testing.assert_array_equal(*outputs)
    assert not list(openml_cache().glob("unpublished_runs/*"))


def test_the_trace_of_a_search(server):
    run = run_on_task(PUBLISHED["search"][1](), TASKS["whole"], publish=True)
    assert len(server.runs[run.run_id].trace["data"]) == 2 * 4
    with pytest.raises(openml.exceptions.OpenMLServerException, match="No successful trace"):
        openml.runs.initialize_model_from_trace(run.run_id, repeat=0, fold=0)
    server.evaluate()
    best = openml.runs.initialize_model_from_trace(run.run_id, repeat=0, fold=0)
    assert best[-1].hidden_layer_sizes in ([3], [4, 4])
    assert best[-1].epochs in (1, 2)
    chosen = openml.runs.initialize_model_from_trace(run.run_id, repeat=0, fold=1, iteration=1)
    assert chosen[-1].get_params()["hidden_layer_sizes"] == [4, 4]


def test_a_model_without_hidden_layers(server):
    """openml drops empty values from flows, but a run's own settings have them."""
    run = run_on_task(DenseRegressor(**SMALL | {"hidden_layer_sizes": ()}), 4, publish=True)
    assert openml.runs.initialize_model_from_run(run.run_id).hidden_layer_sizes == []


@pytest.mark.parametrize("publish", [publish_run, openml.runs.OpenMLRun.publish])
def test_what_openml_alone_computes_and_publishes(publish, server):
    run = openml.runs.run_model_on_task(DenseRegressor(**SMALL), 4, avoid_duplicate_runs=False)
    assert publish(run) is run
    assert openml.runs.get_run(run.run_id).task_id == 4
    assert plain(openml.runs.initialize_model_from_run(run.run_id)) == plain(run.model)


def test_duplicates_are_detected_before_anything_is_computed(server):
    model = DenseRegressor(**SMALL)
    run = run_on_task(model, 4, publish=True)
    started = len(server.requests)
    with pytest.raises(openml.exceptions.OpenMLRunsExistError, match=f"already: {run.run_id}"):
        run_on_task(DenseRegressor(**SMALL).set_params(hidden_layer_sizes=[5]), 4, publish=True)
    assert len(server.requests) > started
    with pytest.raises(openml.exceptions.OpenMLRunsExistError):
        openml.runs.run_model_on_task(model, 4)
    with pytest.raises(openml.exceptions.OpenMLRunsExistError):
        publish_run(run)
    assert len(server.runs) == 1
    assert not list(openml_cache().glob("unpublished_runs/*"))
    run_on_task(model.set_params(random_state=9), 4, publish=True)
    assert len(server.runs) == 2


class Fits:
    """Counts the fits of an estimator of which it takes the place of `fit`."""

    def __init__(self, monkeypatch, cls):
        self.n, fit = 0, cls.fit

        def counted(*args, **kwargs):
            self.n += 1
            return fit(*args, **kwargs)

        monkeypatch.setattr(cls, "fit", counted)


@pytest.mark.parametrize("search", slow_but([True], [False, True]))
def test_sixty_parameters_are_the_most(search, server, monkeypatch):
    """The server joins a table for each, and a query of its has 61 tables at most."""
    fits = Fits(monkeypatch, Ridge)
    model = model_of_parameters(60, search)
    check_model(model)
    run = run_on_task(model, 4, publish=True)
    assert len(server.runs[run.run_id].settings) == 60
    assert fits.n > 0
    model, asked, fits.n = model_of_parameters(61, search), len(server.requests), 0
    message = "with 61 parameters, 60 are the most: .*Ridge 8.*Leave out a step"
    calls = [check_model, lambda model: run_on_task(model, 4, publish=True)]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call(model)
    assert len(server.requests) == asked
    run = run_on_task(model, 4)  # it is only that it cannot be published
    assert fits.n > 0
    with pytest.raises(ValueError, match=message):
        publish_run(run)
    with pytest.raises(openml.exceptions.OpenMLServerException, match="setup"):
        run.publish()
    assert len(server.runs) == 1
