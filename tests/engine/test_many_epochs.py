"""Fits that nobody looks at train many epochs in one call of a program, to the same bits."""

import signal
import threading

import keras
import numpy as np
import pytest
from hearing import Deaf
from numpy.testing import assert_array_equal
from slow_cases import slow_but

from skdl import ConvNetClassifier, DenseClassifier, DenseRegressor, KerasRegressor
from skdl._engine.compiled import pace, programs
from skdl.exceptions import NonFiniteLossError

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(75, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 75)
IMAGES = RNG.integers(0, 256, (75, 6, 6), np.uint8)


def own_network():
    inputs = keras.Input((4,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(6, "tanh")(inputs))
    return keras.Model(inputs, keras.layers.Dense(1)(x))


NETWORKS = {
    "a smaller last batch, by XLA": (
        DenseClassifier((6, 5), dropout=0.3, metrics=["accuracy", "auc"], epochs=180),
        TABLE,
        LABELS > 0,
        "xla",
    ),
    "whole batches alone, by XLA": (
        DenseRegressor((6,), batch_size=25, batch_normalization=True, epochs=120),
        TABLE,
        TABLE[:, 0],
        "xla",
    ),
    "in the order of the rows": (
        DenseClassifier((6,), optimizer="rmsprop", shuffle=False, epochs=12),
        TABLE,
        LABELS,
        "graph",
    ),
    "one batch": (DenseRegressor((6,), batch_size=99, l2=0.1, epochs=9), TABLE, LABELS, "graph"),
    "images": (ConvNetClassifier((3,), epochs=7), IMAGES, LABELS, "graph"),
    "a network of one's own": (
        KerasRegressor(own_network, metrics="mae", epochs=12),
        TABLE,
        TABLE[:, 0],
        "graph",
    ),
}


class Hearing(Deaf):
    """Notes the tasks that end."""

    def __init__(self):
        self.tasks = []

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(context.task_name)


USUAL = "whole batches alone, by XLA", "in the order of the rows", "images"


@pytest.mark.parametrize("name", slow_but(USUAL, NETWORKS))
def test_history_and_bits_are_those_of_single_epochs(name, calls):
    net, X, y, program = NETWORKS[name]
    net.set_params(random_state=0)
    looked_at = net.set_params(callbacks=[keras.callbacks.Callback()]).fit(X, y)
    history, expected = looked_at.history_, [v.numpy() for v in looked_at._network.state]
    assert set(calls) == {1}
    net.set_params(callbacks=None)
    for _ in range(2):  # with the pace of a new program, and with the one it came to
        calls.clear()
        net.fit(X, y)
        assert net.training_program_ == program
        assert net.history_ == history
        assert len(history["loss"]) == sum(calls) == net.n_iter_ == net.epochs
        for found, value in zip(net._network.state, expected, strict=True):
            assert_array_equal(found.numpy(), value)
    assert max(calls) > 1


@pytest.mark.slow
def test_an_epoch_in_several_calls_has_the_bits_of_one(calls, monkeypatch):
    net, X, y, _ = NETWORKS["a smaller last batch, by XLA"]
    net.set_params(random_state=0).fit(X, y)
    history, expected = net.history_, net.predict_proba(X)
    monkeypatch.setattr(pace, "_SECONDS", 0.0)
    net.fit(X, y)
    calls.clear()
    net.fit(X, y)
    assert set(calls) == {1}
    assert net.history_ == history
    assert_array_equal(net.predict_proba(X), expected)


def test_whoever_looks_is_told_of_every_epoch(calls, tmp_path, capsys):
    def trained(**parameters):
        calls.clear()
        DenseClassifier((6,), epochs=4, random_state=0, **parameters).fit(TABLE, LABELS)
        return list(calls)

    for parameters in (
        {"checkpoint": tmp_path},
        {"callbacks": keras.callbacks.EarlyStopping("loss")},
    ):
        assert trained(**parameters) == [1] * 4, parameters
    assert capsys.readouterr().out == ""
    assert trained(verbose=2) == [1] * 4
    assert capsys.readouterr().out.count(": epoch ") == 4


def test_callbacks_of_scikit_learn_are_told_of_every_epoch(calls):
    pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    listener = Hearing()
    DenseClassifier((6,), epochs=4, random_state=0).set_callbacks(listener).fit(TABLE, LABELS)
    assert calls == [1] * 4
    assert listener.tasks.count("epoch") == 4


def test_an_error_names_the_epoch_and_leaves_the_estimator(calls):
    net = DenseRegressor((4,), optimizer="sgd", epochs=3, random_state=0).fit(TABLE, LABELS)
    before = net.history_
    with pytest.raises(NonFiniteLossError, match=r"ended in epoch \d+: the loss"):
        net.set_params(learning_rate=1e9, epochs=60).fit(TABLE, LABELS)
    assert net.history_ is before


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(),
    reason="signals reach the main thread alone",
)
def test_ctrl_c_within_a_call_is_heard_at_its_end(calls, monkeypatch):
    call, before = programs.Program.__call__, signal.getsignal(signal.SIGINT)
    heard = []

    def handler(number, frame):
        heard.append(number)
        raise KeyboardInterrupt

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return call(*arguments)

    net = DenseClassifier((6,), epochs=500, random_state=0)
    signal.signal(signal.SIGINT, handler)
    monkeypatch.setattr(programs.Program, "__call__", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            net.fit(TABLE, LABELS)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.undo()
    assert heard == [signal.SIGINT]
    n_epochs = net.n_iter_
    trained = "1 epoch" if n_epochs == 1 else f"{n_epochs} epochs"
    assert caught.value.__notes__ == [f"Training was interrupted after {trained}."]
    assert 1 <= n_epochs < 500
    assert len(net.history_["loss"]) == n_epochs


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_size_that_became_invalid_is_an_error(batch_size):
    X, y = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
    net = DenseClassifier((2,), epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        net.set_params(batch_size=batch_size).partial_fit(X, y)
