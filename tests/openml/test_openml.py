"""Runs on OpenML tasks: computed, published to a stand-in of the server, compared."""

import logging
import pickle
import re
import shutil
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn
import tensorflow as tf
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import DenseClassifier, DenseRegressor
from skdl.openml import OpenMLError, _publishing, check_model, compare, publish_run, run_on_task

pytest.importorskip("openml")
import openml
from openml_models import SMALL, columns, configurations, model_of_parameters, pipeline, plain
from openml_stand_in import FakeOpenML

# openml leaves the file of the splits to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*datasplits.arff:ResourceWarning")


@pytest.fixture(scope="session")
def tables():
    """Data as OpenML has them: numbers, categories, missing values, texts, images, labels."""
    rng = np.random.default_rng(0)
    X, y = load_iris(return_X_y=True, as_frame=True)
    X.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    labels = y.map(dict(enumerate(["setosa", "versicolor", "virginica"]))).astype("category")
    width = pd.cut(X["petal_width"], 3, labels=["narrow", "medium", "wide"]).astype(str)
    mixed = X.assign(petal_width=pd.Categorical(width.mask(rng.random(len(X)) < 0.2)))
    mixed["sepal_width"] = mixed["sepal_width"].mask(rng.random(len(X)) < 0.1)
    words = {"setosa": "small blue", "versicolor": "large blue", "virginica": "large violet"}
    texts = [f"a {words[label]} flower, no {i}" for i, label in enumerate(labels)]
    digits, digit = load_digits(return_X_y=True, as_frame=True)
    kept = digit[:500] < 3
    diabetes, progress = load_diabetes(return_X_y=True, as_frame=True)
    return {
        "mixed": (mixed, labels),
        "whole": (X.assign(petal_width=pd.Categorical(width)), labels),
        "texts": (pd.DataFrame({"text": texts}), labels),
        "digits": (digits[:500][kept], digit[:500][kept].astype(str).astype("category")),
        "values": (diabetes, (progress - progress.mean()) / progress.std()),
    }


TASKS = {"mixed": 1, "texts": 2, "digits": 3, "values": 4, "whole": 5}


@pytest.fixture
def configuration(monkeypatch, tmp_path):
    """openml's own configuration, to be changed at will: its cache is a folder of the test."""
    monkeypatch.setattr(openml.config, "_root_cache_directory", tmp_path / "cache")
    for name in ("server", "apikey", "retry_policy", "connection_n_retries", "show_progress"):
        monkeypatch.setattr(openml.config, name, getattr(openml.config, name))
    openml.config.apikey, openml.config.show_progress = "", False
    openml.config.set_retry_policy("human", 1)
    return openml.config


@pytest.fixture
def server(configuration, tables, request):
    """The stand-in, with tasks, and openml configured for it."""
    found = request.config.rootpath.parent / "shared" / "data" / "openml-xsd"
    with FakeOpenML(schemas=found if found.is_dir() else None) as fake:
        configuration.server, configuration.apikey = fake.url, fake.api_key
        for name, number in TASKS.items():
            fake.add_task(number, *tables[name])
        yield fake


# ------------------------------------------------------------------------------- running


def accuracies(run, measure="predictive_accuracy"):
    folds = run.fold_evaluations[measure]
    return {(r, f): value for r in folds for f, value in folds[r].items()}


def accuracies_of_file(run):
    """Return the accuracies by repeat and fold from the predictions."""
    rows = run.predictions
    right = rows["prediction"] == rows["correct"]
    return right.groupby([rows["repeat"], rows["fold"]]).mean().to_dict()


def test_run_on_task(server, capsys):
    model = pipeline(DenseClassifier(epochs=30))
    before = plain(model)
    run = run_on_task(model, 1, tags=["course", "keras_3"], random_state=5)
    assert run.run_id is None
    assert {method for method, *_ in server.requests} == {"GET", "HEAD"}
    assert plain(model) == before
    assert not hasattr(model[-1], "classes_")
    assert isinstance(run.model[-1].random_state, int)
    versions = {f"keras_{keras.__version__}", f"tensorflow_{tf.__version__}"}
    assert versions | {f"skdl_{skdl.__version__}", "course", "keras_3"} < set(run.tags)
    assert set(run.tags) - versions >= {"openml-python"}
    of_file = run.predictions.assign(
        right=run.predictions["prediction"] == run.predictions["correct"]
    )
    of_file = of_file.groupby(["repeat", "fold"])["right"].mean()
    assert accuracies(run) == pytest.approx(of_file.to_dict())
    assert of_file.mean() > 0.8
    assert capsys.readouterr() == ("", "")
    again = run_on_task(model, openml.tasks.get_task(1), random_state=5)
    assert again.data_content == run.data_content
    other = run_on_task(model, 1)
    assert other.model[-1].random_state != run.model[-1].random_state


def test_a_bar_shows_the_repeats_and_folds(server, tables, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    server.add_task(9, *tables["values"], n_folds=2, n_repeats=2)
    model = DenseRegressor(**SMALL)
    run_on_task(model, 9, verbose=0)
    assert capsys.readouterr() == ("", "")
    run_on_task(model, 9)
    out, err = capsys.readouterr()
    assert out == ""
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", err)
    assert "task 9: repeat 2/2, fold 2/2" in shown
    assert "4/4" in shown


@pytest.mark.parametrize("tags", [["fine", t] for t in ("a b", "", "x" * 65, "ü", 3)] + ["course"])
def test_a_tag_that_openml_refuses_is_refused_at_once(tags, server):
    with pytest.raises(ValueError, match="tags must be"):
        run_on_task(DenseClassifier(), 3, tags=tags)
    assert server.requests == []


@pytest.mark.parametrize("publish", [True, False])
def test_tags_that_repeat_others_are_merged(publish, server):
    """The server would refuse them after it has stored the run."""
    ours = f"SKDL_{skdl.__version__}"
    tags = ["Course", "course", "OpenML-Python", f"sklearn_{sklearn.__version__}.", ours, "x" * 64]
    run = run_on_task(Ridge(), 4, publish=publish, tags=tags)
    assert len({tag.lower() for tag in run.tags}) == len(run.tags) == 7
    assert {"Course", "openml-python", "x" * 64} < set(run.tags)
    if not publish:
        run.tags += ["COURSE", "late"]
        publish_run(run)
    assert openml.runs.get_run(run.run_id).tags == run.tags
    run.tags.append("not a tag")
    with pytest.raises(ValueError, match="tags must be"):
        publish_run(run)


def test_a_task_without_targets_is_refused(server):
    task = openml.tasks.OpenMLClusteringTask(task_id=7, task_type_id=5, task_type="", data_set_id=1)
    with pytest.raises(ValueError, match="supervised"):
        run_on_task(DenseClassifier(), task)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openml", None)
    calls = [
        lambda: run_on_task(DenseClassifier(), 1),
        lambda: publish_run("folder"),
        lambda: compare(1),
        lambda: check_model(DenseClassifier()),
    ]
    for call in calls:
        with pytest.raises(ImportError, match=r"pip install 'skdl\[openml\]'"):
            call()


def test_the_module_loads_nothing_heavy():
    program = (
        "import sys, skdl.openml; "
        "print([m for m in ('openml', 'keras', 'tensorflow', 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# ---------------------------------------------------------------------------- publishing

# Of each kind of model one, with its task.
PUBLISHED = {
    "dense pipeline": (
        "mixed",
        lambda: pipeline(DenseClassifier(**SMALL)),
    ),
    "search": (
        "whole",
        lambda: GridSearchCV(
            make_pipeline(columns(), DenseClassifier(**SMALL)),
            {
                "denseclassifier__hidden_layer_sizes": [(3,), [4, 4]],
                "denseclassifier__epochs": [1, 2],
            },
            cv=2,
        ),
    ),
    "texts": (
        "texts",
        lambda: make_pipeline(
            ColumnTransformer([("text", "passthrough", ["text"])]),
            skdl.TextBoWClassifier(max_words=50, **SMALL),
        ),
    ),
    "vectorizer": (
        "texts",
        lambda: make_pipeline(
            ColumnTransformer([("text", skdl.OneHotTextVectorizer(ngram_range=(1, 2)), ["text"])]),
            DenseClassifier(**SMALL),
        ),
    ),
    "images": (
        "digits",
        lambda: skdl.ConvNetClassifier(
            filters=(4, 8), kernel_size=[3, 3], image_shape=(8, 8, 1), epochs=2, random_state=0
        ),
    ),
    "regressor": (
        "values",
        lambda: make_pipeline(
            StandardScaler(),
            DenseRegressor(optimizer=configurations()[1]["optimizer"], **SMALL),
        ),
    ),
}


@pytest.mark.parametrize(("name", "make"), PUBLISHED.values(), ids=PUBLISHED)
def test_publish_and_read_back(name, make, server, tables):
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


def openml_cache():
    return Path(openml.config.get_cache_directory())


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


@pytest.mark.parametrize("search", [False, True])
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


# ------------------------------------------------------------------------------ failures

SLOW = 20.0
FAULTS = {
    "error in the middle": ({"POST run": "error"}, r"failed: OpenMLServerError"),
    "error at the flow": ({"POST flow": "error"}, r"failed: OpenMLServerError"),
    "dropped connection": ({"POST run": "drop"}, r"failed: ConnectionError"),
    "no answer": ({"POST run": "silent"}, r"did not answer within timeout=1"),
    "dropped connection at the flow": ({"GET flow/*": "drop"}, r"failed: ConnectionError"),
}


def kept_and_publishable(error, server):
    """Check that a run that could not be published is on disk, and publish it from there."""
    assert str(error.folder) in str(error)
    assert f"publish_run({str(error.folder)!r})" in str(error)
    before = len(server.runs)
    run = publish_run(error.folder, timeout=SLOW)
    assert len(server.runs) == before + 1
    assert server.runs[run.run_id].predictions["data"] == error.run._generate_arff_dict()["data"]
    return run


@pytest.mark.parametrize(("faults", "message"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("kind", ["regressor", "search"])
def test_a_failure_keeps_the_run(kind, faults, message, server):
    name, make = PUBLISHED[kind]
    run = run_on_task(make(), TASKS[name])
    server.faults |= faults
    silent = "silent" in faults.values()
    timeout = 1 if silent else SLOW
    with pytest.raises(OpenMLError, match=message) as caught:
        publish_run(run, timeout=timeout)
    with pytest.raises(OpenMLError, match="The run is kept in"):  # and once more
        publish_run(caught.value.folder, timeout=timeout)
    while server.n_silent < 2 * silent:  # what was given up may still be on its way there
        time.sleep(0.01)
    assert server.runs == {}
    server.faults.clear()
    published = kept_and_publishable(caught.value, server)
    if kind == "search":
        assert len(server.runs[published.run_id].trace["data"]) == 8
    assert plain(openml.runs.initialize_model_from_run(published.run_id)) == plain(run.model)


def test_run_on_task_keeps_what_it_could_not_publish(server):
    server.faults["POST run"] = "error"
    with pytest.raises(OpenMLError, match="The run is kept in") as caught:
        run_on_task(Ridge(), 4, publish=True, tags=["course"])
    server.faults.clear()
    run = kept_and_publishable(caught.value, server)
    assert "course" in openml.runs.get_run(run.run_id).tags
    assert len(caught.value.run.fold_evaluations["mean_absolute_error"][0]) == 2


def test_a_run_is_kept_once_however_often_it_fails(server):
    run = run_on_task(Ridge(), 4)
    other = run_on_task(Ridge(alpha=2.0), 4)
    server.faults["POST run"] = "error"
    for _ in range(3):
        with pytest.raises(OpenMLError) as caught:
            publish_run(run)
        run.tags.append("later")
    assert "later" in (caught.value.folder / "description.xml").read_text()
    with pytest.raises(OpenMLError):
        publish_run(other)
    assert len([*openml_cache().glob("unpublished_runs/*")]) == 2
    server.faults.clear()
    publish_run(run)
    publish_run(other)
    assert not [*openml_cache().glob("unpublished_runs/*")]
    with pytest.raises(ValueError, match=f"run {run.run_id} comes from the server"):
        publish_run(openml.runs.get_run(run.run_id))


@pytest.mark.parametrize("has_parquet", [True, False])
def test_the_folds_do_not_ask_the_server(has_parquet, server, tables, monkeypatch):
    """Whose `timeout` would not hold there; all data are asked for once."""
    server.add_task(9, *tables["values"], n_folds=3, n_repeats=2)
    if not has_parquet:
        del server.pages["datasets/0000/dataset_9.pq"]
    asked = []
    fit = Ridge.fit

    def watched(self, *args):
        asked.append(len(server.requests))
        return fit(self, *args)

    monkeypatch.setattr(Ridge, "fit", watched)
    task = openml.tasks.get_task(9)
    run = run_on_task(Ridge(), task)
    assert asked == [len(server.requests)] * 6
    assert sum("datasets" in path for _, path, _ in server.requests) == (2 if has_parquet else 1)
    assert len(run.predictions) == 2 * len(tables["values"][0])
    assert vars(task).keys() == vars(openml.tasks.get_task(9)).keys()
    server.faults["GET task/*"] = server.faults["GET data/*"] = "silent"
    shutil.rmtree(openml_cache() / "tasks")  # writing a run asks for its task
    with pytest.raises(OpenMLError, match=r"did not answer within timeout=0\.5"):
        publish_run(run, timeout=0.5)


def test_an_answer_that_is_lost_does_not_lead_to_a_second_run(server):
    run = run_on_task(Ridge(), 4)
    server.faults["POST run"] = "lost"
    with pytest.raises(OpenMLError) as caught:
        publish_run(run)
    server.faults.clear()
    (number,) = server.runs
    with pytest.raises(openml.exceptions.OpenMLRunsExistError, match=f"already: {number}"):
        publish_run(caught.value.folder)
    assert caught.value.folder.is_dir()


def test_a_run_interrupted_from_the_keyboard_is_kept(server, monkeypatch):
    run = run_on_task(Ridge(), 4)

    def interrupted(call, *args, **kwargs):
        if call is _publishing._upload:
            raise KeyboardInterrupt
        return ask(call, *args, **kwargs)

    ask = _publishing.ask
    with monkeypatch.context() as patch:
        patch.setattr(_publishing, "ask", interrupted)
        with pytest.raises(KeyboardInterrupt, match="The run is kept in") as caught:
            publish_run(run)
    kept_and_publishable(caught.value, server)


@pytest.mark.parametrize("key", ["", "ab+c/d-not-the-key"])
def test_a_missing_or_wrong_key(key, server, configuration):
    model = Ridge()
    run = run_on_task(model, 4)
    configuration.apikey = key
    message = "needs an API key" if key == "" else "refused the API key"
    asked = [path for _, path, _ in server.requests]
    with pytest.raises(OpenMLError, match=f"{message}.*openml.config.apikey") as caught:
        publish_run(run)
    with pytest.raises(OpenMLError, match=message):
        run_on_task(clone(model), 4, publish=True)
    new = [path for _, path, _ in server.requests][len(asked) :]
    assert new == ([] if key == "" else ["flow/exists"] * 2)  # refused before the first fit
    configuration.apikey = server.api_key
    kept_and_publishable(caught.value, server)


def test_a_server_that_is_not_there(server, configuration):
    run = run_on_task(Ridge(), 4)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        configuration.server = f"http://127.0.0.1:{free.getsockname()[1]}/api/v1/xml"
    for call in (lambda: compare(4), lambda: run_on_task(Ridge(), 4)):
        with pytest.raises(OpenMLError, match=r"failed: ConnectionError.*api_key=\*\*\*"):
            call()
    assert run.fold_evaluations


def test_a_silent_server_does_not_hold_a_lookup(server):
    server.faults["GET task/*"] = "silent"
    started = time.monotonic()
    with pytest.raises(OpenMLError, match=r"did not answer within timeout=0\.5"):
        run_on_task(Ridge(), 4, timeout=0.5)
    assert time.monotonic() - started < 10


def failure_of(call):
    """Return an error with all that a traceback can show of it, local variables included."""
    with pytest.raises(OpenMLError) as caught:
        call()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    return caught.value, "".join(shown.format())


def test_the_key_is_seen_nowhere(server, caplog):
    """Not in the log at its finest, not in errors and what hangs on them, not in pickles."""
    for name in (None, "urllib3", "openml", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    run = run_on_task(Ridge(), 4, publish=True)
    compare(run)
    assert "api_key=***" in caplog.text  # the addresses are logged, without the key
    shown = [repr(run), pickle.dumps(run).decode("latin1")]
    server.faults["*"] = "drop"
    run.model.set_params(random_state=8)
    for call in (lambda: publish_run(run), lambda: compare(run), lambda: run_on_task(run.model, 3)):
        error, text = failure_of(call)
        assert error.__cause__ is error.__context__ is None
        shown += [str(error), repr(error), text, pickle.dumps(error).decode("latin1")]
        for file in error.folder.iterdir() if error.folder else ():
            shown.append(file.read_bytes().decode("latin1"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        openml.config.server = f"http://127.0.0.1:{free.getsockname()[1]}/api/v1/xml"
    error, text = failure_of(lambda: compare(4))  # the error of requests shows the address
    assert "api_key=***" in text
    shown += [text, pickle.dumps(error).decode("latin1"), caplog.text]
    assert len(shown) > 17
    assert not any(server.api_key in text for text in shown)
    assert logging.getLogger("urllib3.connectionpool").filters == []
    assert isinstance(pickle.loads(pickle.dumps(error)), OpenMLError)


# ----------------------------------------------------------------------------- comparing


def test_compare(server):
    model = pipeline(LogisticRegression())
    runs = [
        run_on_task(model.set_params(logisticregression__C=c), 1, publish=True)
        for c in (1e-4, 1.0, 1e-2)
    ]
    assert compare(1).empty
    for run in runs:  # openml keeps what it sees now
        assert openml.runs.get_run(run.run_id).fold_evaluations is None
    server.evaluate()
    mine = run_on_task(pipeline(DenseClassifier(**SMALL)), 1)
    table = compare(mine)
    best = sorted(runs, key=lambda run: -np.mean([*accuracies(run).values()]))
    assert list(table.columns.get_level_values("run")) == ["this run", *(r.run_id for r in best)]
    assert table["this run"].iloc[:, 0].to_dict() == accuracies(mine)
    assert table[best[0].run_id].iloc[:, 0].to_dict() == pytest.approx(accuracies(best[0]))
    assert table.index.names == ["repeat", "fold"]
    flows = set(table.columns.get_level_values("flow"))
    assert "sklearn.Pipeline(ColumnTransformer,SimpleImputer,DenseClassifier)" in flows
    assert compare(runs[1]).shape == (2, 3)  # a published run is not set beside itself
    published = table.drop(columns="this run", level="run")
    pd.testing.assert_frame_equal(compare(1), published, check_column_type=False)
    assert compare(openml.tasks.get_task(1), n_runs=2).shape == (2, 2)


def test_compare_of_errors_puts_the_least_first(server):
    for alpha in (1e4, 1.0):
        run_on_task(Ridge(alpha=alpha), 4, publish=True)
    server.evaluate()
    means = compare(4).mean()
    assert means.is_monotonic_increasing
    assert means.iloc[0] < means.iloc[1]


def test_compare_without_published_runs(server):
    assert compare(2).empty
    run = run_on_task(Ridge(), 4)
    asked = len(server.requests)
    assert compare(run, n_runs=0).shape == (2, 1)
    assert len(server.requests) == asked
    for n_runs in (0, 5):
        with pytest.raises(ValueError, match=r"measure='kappa' is not in the run\. It .*mean_abs"):
            compare(run, measure="kappa", n_runs=n_runs)
    assert compare(run, n_runs=0, measure="wall_clock_time_millis").gt(0).all(axis=None)


def test_an_unknown_measure_is_an_error(server):
    for subject in (4, run_on_task(Ridge(), 4)):
        with pytest.raises(
            ValueError, match=r"'mean_absolute_eror' is not one.*: mean_absolute_error"
        ):
            compare(subject, measure="mean_absolute_eror")
    assert compare(4, measure="mean_absolute_error").empty


def test_runs_that_the_server_has_not_scored_by_fold(server):
    run, scored = (run_on_task(Ridge(alpha=a), 4, publish=True) for a in (1.0, 2.0))
    fetched = openml.runs.get_run(run.run_id)
    with pytest.raises(ValueError, match=r"which the server scores hours or days after"):
        compare(fetched)
    server.evaluate()
    table = compare(fetched)  # what openml kept has no scores
    expected = run.fold_evaluations["mean_absolute_error"][0]
    assert table["this run"].iloc[:, 0].droplevel("repeat").to_dict() == pytest.approx(expected)
    assert list(table.columns.get_level_values("run")) == ["this run", scored.run_id]
    server.runs[scored.run_id].by_fold = False
    with pytest.warns(UserWarning, match=f"no mean_absolute_error.*run {scored.run_id}"):
        assert list(compare(4).columns.get_level_values("run")) == [run.run_id]


# ------------------------------------------------------------------------ anneal, task 1882


@pytest.fixture
def anneal(shared, configuration):
    """The folder of the cached task, copied: openml writes into its cache."""
    configuration.server = "https://test.openml.org/api/v1/xml"
    root = configuration._root_cache_directory
    shutil.copytree(shared / "data" / "openml", root, copy_function=shutil.copyfile)
    for folder in [root, *root.rglob("*")]:
        folder.chmod(0o755)
    return root / "org" / "openml" / "test" / "tasks" / "1882"


def anneal_model():
    return pipeline(DenseClassifier(epochs=20))


def check_anneal(run, n_folds):
    folds = accuracies(run)
    assert len(folds) == n_folds
    assert accuracies_of_file(run) == pytest.approx(folds)
    assert set(run.predictions["correct"]) == {"1", "2", "3", "5", "U"}
    return np.mean([*folds.values()])


# One of the six classes is in no row.
@pytest.mark.filterwarnings("ignore:Estimator only predicted for 5/6 classes:UserWarning")
def test_some_folds_of_anneal(anneal, capsys):
    splits = anneal / "datasplits.arff"
    other = re.compile(r"T\w+,\d+,(?!0,[01]$)")
    lines = [line for line in splits.read_text().splitlines() if not other.match(line)]
    splits.write_text("\n".join(lines))
    accuracy = check_anneal(run_on_task(anneal_model(), 1882, random_state=0), 2)
    assert accuracy > 0.95
    assert capsys.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Estimator only predicted for 5/6 classes:UserWarning")
def test_all_folds_of_anneal(anneal):
    run = run_on_task(anneal_model(), 1882, random_state=0)
    assert check_anneal(run, 100) > 0.97
