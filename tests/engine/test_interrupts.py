"""Ctrl-C goes on to the caller, and what was learned until then stays in the estimator."""

import copy
import os
import signal
import threading

import keras
import numpy as np
import pytest
from backbones import tiny
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from slow_cases import slow_but

from skdl import DenseClassifier, PretrainedFeatureClassifier
from skdl._engine.compiled import pace, programs


class Interrupt(keras.callbacks.Callback):
    """Raises what Ctrl-C raises, at one hook of one epoch."""

    def __init__(self, epoch, hook="on_epoch_end"):
        super().__init__()
        self.epoch, self.now, self.ended = epoch, None, 0
        if hook == "on_epoch_begin":
            self.epoch, hook = epoch - 1, "on_next_epoch"
        setattr(self, hook, self.interrupt)

    def on_next_epoch(self):
        """Do nothing."""

    def on_epoch_begin(self, epoch, logs=None):
        if self.epoch == epoch - 1:
            self.on_next_epoch()
        self.now = epoch

    def on_train_end(self, logs=None):
        self.ended += 1

    def interrupt(self, *arguments, **keywords):
        if self.now == self.epoch or arguments == ():
            raise KeyboardInterrupt


def is_fitted(net):
    return net.__sklearn_is_fitted__()


@pytest.mark.parametrize("every_batch", [False, True])
def test_what_was_learned_stays(every_batch, iris):
    X, y = iris
    callbacks = [Interrupt(2), *["TerminateOnNaN"] * every_batch]
    net = DenseClassifier(epochs=10, callbacks=callbacks, random_state=0)
    with pytest.raises(KeyboardInterrupt) as caught:
        net.fit(X, y)
    assert caught.value.__notes__ == ["Training was interrupted after 3 epochs."]
    assert type(caught.value) is KeyboardInterrupt
    assert net.n_iter_ == len(net.history_["loss"]) == 3
    assert net.training_program_ == ("keras" if every_batch else "graph")
    assert callbacks[0].ended == 0  # as under Keras
    plain = DenseClassifier(epochs=3, random_state=0).fit(X, y)
    assert_allclose(net.predict_proba(X), plain.predict_proba(X), atol=1e-5)
    net.set_params(warm_start=True, callbacks=None, epochs=2).fit(X, y)
    assert net.n_iter_ == 5


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin"])
def test_without_a_whole_epoch_the_estimator_is_as_before(hook, iris):
    X, y = iris
    callback = Interrupt(0, hook)
    if hook == "on_train_begin":
        callback.now = 0
    net = DenseClassifier((4,), epochs=3, callbacks=callback, random_state=0)
    for train in (net.fit, lambda X, y: net.partial_fit(X, y, classes=[0, 1, 2])):
        with pytest.raises(KeyboardInterrupt):
            train(X, y)
        assert not is_fitted(net)
        callback.now = 0 if hook == "on_train_begin" else None
        assert vars(net).keys() == net.get_params().keys()


def test_in_the_middle_of_going_on(iris):
    X, y = iris
    net = DenseClassifier((4,), epochs=3, warm_start=True, random_state=0).fit(X, y)
    first = net.history_["loss"]
    for callback, n_epochs in ((Interrupt(4), 5), (Interrupt(5, "on_train_batch_end"), 5)):
        with pytest.raises(KeyboardInterrupt):
            net.set_params(callbacks=callback).fit(X, y)
        assert net.n_iter_ == n_epochs
        assert net.history_["loss"][:3] == first
        assert np.isfinite(net.predict_proba(X)).all()
    with pytest.raises(KeyboardInterrupt):
        net.set_params(callbacks=Interrupt(5)).partial_fit(X, y)
    assert net.n_iter_ == 6


def test_the_weights_are_those_of_the_best_epoch(cancer):
    X, y = cancer
    net = DenseClassifier(
        learning_rate=0.3, early_stopping=True, patience=90, epochs=50, random_state=1,
        callbacks=[Interrupt(20)],
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        net.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert net.best_epoch_ < net.n_iter_ == 21
    found = net.model_.evaluate(X[300:], y[300:], verbose=0)
    assert_allclose(found, min(net.history_["val_loss"]), rtol=1e-4)


@pytest.mark.parametrize(
    ("callback", "phases"),
    [
        (Interrupt(1), ["features"] * 2),
        (Interrupt(3, "on_epoch_begin"), ["features"] * 3),
        (Interrupt(3), ["features"] * 3 + ["fine_tune"]),
    ],
    ids=["features", "between", "fine_tune"],
)
def test_in_both_phases_of_fine_tuning(callback, phases):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    net = PretrainedFeatureClassifier(
        tiny, weights=None, training="fine_tune", fine_tune_from="second", epochs=3,
        fine_tune_epochs=2, hidden_layer_sizes=(4,), random_state=0,
        callbacks=copy.deepcopy(callback),
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        net.fit(images, np.arange(20) % 2)
    assert net.phases_ == phases
    assert net.n_iter_ == len(phases)
    assert_allclose(net.predict_proba(images)[:, 1:], net.model_.predict(images, verbose=0))


def test_a_search_ends_and_a_checkpoint_stays(iris, tmp_path):
    X, y = iris
    net = DenseClassifier((4,), epochs=4, callbacks=[Interrupt(2)], random_state=0)
    search = GridSearchCV(net, {"batch_size": [16, 32]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")
    net.set_params(checkpoint=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert len(list(tmp_path.iterdir())) == 1
    stopper = keras.callbacks.EarlyStopping("loss", patience=9)
    whole = DenseClassifier((4,), epochs=4, callbacks=[stopper], random_state=0).fit(X, y)
    net.set_params(callbacks=[stopper])  # with the state of the fit before
    with pytest.raises(KeyboardInterrupt):
        copy.deepcopy(net).set_params(callbacks=[copy.deepcopy(stopper), Interrupt(1)]).fit(X, y)
    assert_array_equal(net.fit(X, y).predict_proba(X), whole.predict_proba(X))


class Batches(keras.utils.PyDataset):
    def __init__(self, X, y, last):
        super().__init__()
        self.X, self.y, self.last, self.reads = X, y, last, 0

    def __len__(self):
        return 2

    def __getitem__(self, i):
        self.reads += 1
        if self.reads == self.last:
            raise KeyboardInterrupt
        return self.X[i::2], self.y[i::2]


@pytest.mark.parametrize("last", [1, 3, 10])
def test_data_sets_of_batches(last, iris):
    net = DenseClassifier((4,), epochs=5, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        net.fit(Batches(*iris, last))
    assert is_fitted(net) == (last == 10)
    assert last < 10 or 1 <= net.n_iter_ < 5


@pytest.fixture
def ctrl_c():
    """Return a callback that sends this process the signal of Ctrl-C soon after an epoch began."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread alone")
    timers = []
    # Programs that a shell starts in the background ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def send(epoch, logs=None):
        timers.append(threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]))
        timers[-1].start()

    yield keras.callbacks.LambdaCallback(on_epoch_begin=send)
    for timer in timers:
        timer.cancel()
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("program", ["graph", "xla"])
def test_the_signal_is_heard_within_an_epoch(program, ctrl_c, monkeypatch):
    monkeypatch.setattr(programs, "choose_program", lambda *args: program)
    X, y = np.zeros((2**20, 3), np.float32), np.arange(2**20) % 2
    for _ in range(2):  # also once the program is made and its pace is known
        net = DenseClassifier((64,), batch_size=1, epochs=1, callbacks=ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, y)
        assert not is_fitted(net)


@pytest.mark.parametrize("sparse", slow_but([True], [False, True]))
def test_the_number_of_steps_in_a_call_changes_nothing(sparse, iris, monkeypatch):
    from scipy.sparse import csr_array

    X, y = iris
    X = csr_array(X) if sparse else X
    program = "graph" if sparse else "xla"
    monkeypatch.setattr(programs, "choose_program", lambda *args: program)

    def fit():
        net = DenseClassifier(
            (6,), dropout=0.2, batch_size=16, epochs=2, metrics="accuracy", random_state=0
        )
        net.fit(X, y, X_val=X, y_val=y)
        return net.history_, net.predict_proba(X)

    (history, expected), _ = fit(), fit()
    monkeypatch.setattr(pace, "_SECONDS", 0.0)
    found = fit()
    assert found[0] == history
    assert_array_equal(found[1], expected)


@pytest.mark.parametrize(
    "error", [SystemError("a result with an exception set"), RuntimeError("KeyboardInterrupt: \n")]
)
def test_what_tensorflow_makes_of_an_interrupt(error, iris):
    def interrupt(epoch, logs=None):
        raise error

    if isinstance(error, SystemError):
        error.__cause__ = KeyboardInterrupt()
    callback = keras.callbacks.LambdaCallback(on_epoch_end=interrupt)
    net = DenseClassifier((4,), epochs=2, callbacks=callback)
    with pytest.raises(KeyboardInterrupt):
        net.fit(*iris)
    assert net.n_iter_ == 1
