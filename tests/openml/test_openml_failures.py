"""Runs on OpenML tasks that meet failures of server, network and user: the run is kept."""

import logging
import pickle
import shutil
import socket
import time
import traceback

import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from skdl.openml import OpenMLError, _publishing, compare, publish_run, run_on_task

pytest.importorskip("openml")
import openml
from openml_models import plain
from openml_runs import PUBLISHED, TASKS, openml_cache
from slow_cases import slow_but

# openml leaves the file of the splits to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*datasplits.arff:ResourceWarning")

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


@pytest.mark.parametrize("fault", slow_but(["error in the middle", "no answer"], FAULTS))
@pytest.mark.parametrize("kind", slow_but(("search",), ["regressor", "search"]))
def test_a_failure_keeps_the_run(kind, fault, server):
    (faults, message), (name, make) = FAULTS[fault], PUBLISHED[kind]
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
