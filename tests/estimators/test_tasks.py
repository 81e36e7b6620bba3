"""scikit-learn's own callbacks on our estimators: progress, scores by epoch, stopping."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import DenseClassifier, DenseRegressor

callback = pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
ProgressBar, ScoringMonitor = callback.ProgressBar, callback.ScoringMonitor

X, Y = load_iris(return_X_y=True, as_frame=True)


class Listener:
    """Notes what it is told, and stops after a number of epochs."""

    def __init__(self, stop_after=None):
        self.stop_after, self.events, self.fitted, self.seen = stop_after, [], [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.events.append(f"{context.task_name} ends")
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
            self.seen.append((X, y, metadata))
            return context.task_id + 1 == self.stop_after
        return False


def net(**parameters):
    parameters = {"epochs": 4, "learning_rate": 0.01, "random_state": 0} | parameters
    return DenseClassifier((8,), **parameters)


def test_a_fit_is_a_task_and_every_epoch_a_task_in_it():
    listener = Listener()
    net(epochs=2).set_callbacks(listener).fit(X, Y)
    epoch = ["epoch begins", "epoch ends"]
    assert listener.events == ["setup", "fit begins", *epoch, *epoch, "fit ends", "teardown"]


@pytest.mark.parametrize(
    "callbacks",
    [None, pytest.param(["TerminateOnNaN"], marks=pytest.mark.slow)],
    ids=["compiled", "Model.fit"],
)
def test_the_fitted_estimator_of_an_epoch_is_as_if_fit_had_stopped_there(callbacks):
    listener = Listener()
    net(callbacks=callbacks).set_callbacks(listener).fit(X, Y)
    for epochs, fitted in enumerate(listener.fitted, start=1):
        short = net(epochs=epochs, callbacks=callbacks).fit(X, Y)
        assert fitted.n_iter_ == epochs
        assert_array_equal(fitted.predict_proba(X), short.predict_proba(X))
        assert fitted.history_ == short.history_


@pytest.mark.parametrize("callbacks", [None, ["TerminateOnNaN"]], ids=["compiled", "Model.fit"])
def test_training_ends_when_a_callback_asks_for_it(callbacks):
    stopped = net(callbacks=callbacks).set_callbacks(Listener(stop_after=2)).fit(X, Y)
    assert stopped.n_iter_ == 2
    expected = net(epochs=2, callbacks=callbacks).fit(X, Y)
    assert_array_equal(stopped.predict_proba(X), expected.predict_proba(X))


def test_scores_by_epoch():
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    fitted = net().set_callbacks(monitor).fit(X, Y)
    log = monitor.get_logs().data_as_pandas.query("task_name == 'epoch'")
    assert_allclose(log["accuracy"].iloc[-1], fitted.score(X, Y))
    assert log["neg_log_loss"].is_monotonic_increasing
    assert len(log) == 4


def test_callbacks_see_the_training_rows_as_they_were_given():
    weight = np.where(np.arange(150) % 10 == 0, 0.0, 1.0 + np.arange(150) % 3)
    listener = Listener()
    net(validation_split=0.2, epochs=1).set_callbacks(listener).fit(X, Y, sample_weight=weight)
    ((rows, labels, metadata),) = listener.seen
    assert isinstance(rows, pd.DataFrame)
    assert len(rows) == 135 - 27
    assert_array_equal(labels, Y[rows.index])
    assert_array_equal(metadata["sample_weight"], weight[rows.index])
    assert set(metadata) == {"sample_weight"}


@pytest.mark.parametrize("form", [sp.coo_array, tf.constant, np.asarray])
def test_callbacks_and_a_hold_out_take_what_fit_takes(form):
    listener = Listener()
    net(validation_split=0.2, epochs=1).set_callbacks(listener).fit(form(X), Y, sample_weight=2.0)
    ((rows, labels, metadata),) = listener.seen
    assert rows.shape == (120, 4)
    assert len(labels) == 120
    assert_array_equal(metadata["sample_weight"], np.full(120, 2.0))


def test_callbacks_see_documents_that_come_one_by_one():
    listener, words = Listener(), ["fine film", "bad plot"] * 10
    texts = skdl.TextBoWClassifier(epochs=1, validation_split=0.2, random_state=0)
    texts.set_callbacks(listener).fit((text for text in words), [1, 0] * 10)
    ((rows, labels, _),) = listener.seen
    assert rows == [words[1 - label] for label in labels]
    assert len(rows) == 16


def test_rows_beside_a_hold_out_keep_their_order():
    listener = Listener()
    halves = DenseRegressor(epochs=2, shuffle=False, validation_split=0.5, random_state=0)
    halves.set_callbacks(listener).fit(X, Y)
    rows, labels, _ = listener.seen[0]
    assert rows.index.is_monotonic_increasing
    alone = DenseRegressor(epochs=2, shuffle=False, random_state=0).fit(rows, labels)
    assert_array_equal(halves.predict(X), alone.predict(X))


def test_validation_rows_never_reach_the_callbacks():
    listener = Listener()
    net(epochs=1).set_callbacks(listener).fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    ((rows, _, metadata),) = listener.seen
    assert rows.equals(X[::2])
    assert metadata is None


def test_a_fit_that_raises_still_takes_the_callbacks_down():
    listener = Listener()
    estimator = net().set_callbacks(listener)
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(X * np.nan, Y)
    assert listener.events == ["setup", "fit begins", "teardown"]
    assert not hasattr(estimator, "_callback_fit_ctx")


def test_inside_a_search_the_epochs_are_the_inner_task(capsys):
    monitor_bar = ProgressBar(max_propagation_depth=None)
    pipe = make_pipeline(StandardScaler(), net(epochs=2, verbose=1))
    search = GridSearchCV(pipe, {"denseclassifier__l2": [0, 0.1]}, cv=2)
    search.set_callbacks(monitor_bar).fit(X, Y)
    out = capsys.readouterr().out
    assert "GridSearchCV" in out
    assert "DenseClassifier - fit" in out
    assert "DenseClassifier: " not in out  # our own bar keeps quiet


@pytest.mark.processes(workers=True)
def test_a_monitor_inside_a_search_in_two_processes():
    monitor = ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(net(epochs=2).set_callbacks(monitor), {"l2": [0, 0.1]}, cv=2, n_jobs=2)
    search.fit(X, Y)
    log = monitor.get_logs().data_as_pandas
    assert (log["task_name"] == "epoch").sum() == 2 * 5


def test_regressors_and_copies():
    monitor = ScoringMonitor(scoring="r2")
    estimator = DenseRegressor((8,), epochs=2, random_state=0).set_callbacks(monitor)
    clone(estimator).fit(X, Y)
    assert len(monitor.get_logs().data) == 3
    fitted = pickle.loads(pickle.dumps(estimator.fit(X, Y)))
    assert_array_equal(fitted.predict(X), estimator.predict(X))


def test_every_network_takes_scikit_learns_callbacks():
    """An ensemble of networks has no epochs of its own."""
    classes = [getattr(skdl, name) for name in skdl.__all__]
    networks = [cls for cls in classes if hasattr(cls, "partial_fit")]
    assert {DenseRegressor, skdl.KerasClassifier} < set(networks)
    assert all(hasattr(cls, "set_callbacks") for cls in networks)
