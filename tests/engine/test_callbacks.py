"""Every Keras callback that works by epoch leaves what it leaves under `Model.fit`."""

import copy
import csv
import pickle
import threading

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from slow_cases import slow_but

from skdl import DenseClassifier, build_dense


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(90, 5)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=90) > 0).astype(int)
    return X[:60], y[:60], X[60:], y[60:]


def by_keras(data, callback, epochs=12):
    X, y, X_val, y_val = data
    model = build_dense((5,), 1, "sigmoid", hidden_layer_sizes=(8,), seed=0)
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    history = model.fit(
        X, y[:, None], 16, epochs, validation_data=(X_val, y_val[:, None]),
        shuffle=False, verbose=0, callbacks=[callback],
    )  # fmt: skip
    return model, history.history


def by_skdl(data, callback, epochs=12, **parameters):
    X, y, X_val, y_val = data
    net = DenseClassifier(
        (8,), epochs=epochs, batch_size=16, shuffle=False, learning_rate=0.05, random_state=0,
        callbacks=[callback], **parameters,
    )  # fmt: skip
    return net.fit(X, y, X_val=X_val, y_val=y_val)


def assert_same(net, model, history):
    assert net.history_.keys() == history.keys()
    for name, values in history.items():
        assert_allclose(net.history_[name], values, rtol=1e-4)
    for ours, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    assert_allclose(
        float(net.model_.optimizer.learning_rate), float(model.optimizer.learning_rate), rtol=1e-6
    )


CALLBACKS = {
    "early_stopping": keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True),
    "plateau": keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=1),
    "schedule": keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.8),
    "nan": keras.callbacks.TerminateOnNaN(),
    "swap": keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
}


@pytest.mark.parametrize("name", slow_but(("early_stopping",), CALLBACKS))
def test_same_training(name, data):
    model, history = by_keras(data, copy.deepcopy(CALLBACKS[name]))
    net = by_skdl(data, CALLBACKS[name])
    assert_same(net, model, history)
    assert net.training_program_ == ("keras" if name == "nan" else "graph")
    if name == "early_stopping":
        assert net.n_iter_ < 12


def test_order_and_arguments_of_the_hooks(data):
    def recorder(calls):
        def note(hook):
            return lambda *args: calls.append((hook, *(a for a in args if isinstance(a, int))))

        hooks = ["on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end"]
        return keras.callbacks.LambdaCallback(**{hook: note(hook) for hook in hooks})

    ours, theirs = [], []
    by_keras(data, recorder(theirs), epochs=3)
    by_skdl(data, recorder(ours), epochs=3)
    assert ours == theirs
    assert len(ours) == 8


def test_callbacks_see_the_live_model(data):
    class Halver(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            first = self.model.layers[0]
            first.kernel.assign(first.kernel / 2)
            assert self.params["epochs"] == 4
            assert self.params["steps"] == 4

    model, history = by_keras(data, Halver(), epochs=4)
    assert_same(by_skdl(data, Halver(), epochs=4), model, history)


@pytest.mark.slow
def test_model_checkpoint(data, tmp_path):
    def checkpoint(name):
        return keras.callbacks.ModelCheckpoint(tmp_path / name, save_best_only=True)

    by_keras(data, checkpoint("theirs.keras"))
    net = by_skdl(data, checkpoint("ours.keras"))
    assert net.training_program_ == "graph"
    loaded = [keras.models.load_model(tmp_path / f"{who}.keras") for who in ("ours", "theirs")]
    for ours, theirs in zip(*(model.get_weights() for model in loaded), strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_csv_logger(data, tmp_path):
    by_keras(data, keras.callbacks.CSVLogger(tmp_path / "theirs"))
    by_skdl(data, keras.callbacks.CSVLogger(tmp_path / "ours"))
    texts = [(tmp_path / who).read_text() for who in ("ours", "theirs")]
    tables = [list(csv.DictReader(text.splitlines())) for text in texts]
    assert len(tables[0]) == len(tables[1]) == 12
    for ours, theirs in zip(*tables, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            assert_allclose(float(ours[name]), float(value), rtol=1e-4)


def test_tensorboard(data, tmp_path):
    def logged(folder):
        import tensorflow as tf

        found = {}
        for path in sorted(folder.rglob("events*")):
            for record in tf.data.TFRecordDataset([str(path)]):
                event = tf.compat.v1.Event.FromString(record.numpy())
                for value in event.summary.value:
                    tensor = tf.make_ndarray(value.tensor)
                    if tensor.dtype == np.float32 and tensor.ndim == 0:
                        found[path.parent.name, value.tag, event.step] = float(tensor)
        return found

    by_keras(data, keras.callbacks.TensorBoard(str(tmp_path / "theirs")), epochs=3)
    net = by_skdl(data, keras.callbacks.TensorBoard(str(tmp_path / "ours")), epochs=3)
    assert net.n_iter_ == 3
    ours, theirs = logged(tmp_path / "ours"), logged(tmp_path / "theirs")
    assert ours.keys() == theirs.keys()
    assert ("train", "epoch_loss", 2) in ours
    for key, value in theirs.items():
        assert_allclose(ours[key], value, rtol=1e-4)


def test_a_callback_that_stops(data):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

    net = by_skdl(data, Stop())
    assert net.n_iter_ == 3
    assert net.set_params(warm_start=True).fit(data[0], data[1]).n_iter_ == 4 + 11


class Collector(keras.callbacks.Callback):
    """Collects losses in a list, which users expect to find filled."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["loss"])


class Locked(Collector):
    """Holds what can be neither copied nor pickled."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    def on_epoch_end(self, epoch, logs=None):
        with self.lock:
            super().on_epoch_end(epoch, logs)


@pytest.mark.parametrize("cls", [Collector, Locked])
def test_the_caller_s_object_is_called(cls, data):
    collector = cls()
    net = by_skdl(data, collector, epochs=3)
    assert net.callbacks[0] is collector
    assert collector.losses == net.history_["loss"]
    assert collector.model is net.model_
    net.partial_fit(data[0], data[1])
    assert collector.losses == net.history_["loss"]
    twice = DenseClassifier((3,), epochs=2, callbacks=[collector] * 2).fit(data[0], data[1])
    losses = np.repeat(twice.history_["loss"], 2)  # as under Keras
    assert_array_equal(collector.losses[4:], losses)


def slower(epoch, rate):
    return rate * 0.9


def test_equal_fits_stay_equal(data):
    callbacks = [
        keras.callbacks.EarlyStopping(patience=2, min_delta=1e-3, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=1, min_delta=1e-3, cooldown=1),
        keras.callbacks.LearningRateScheduler(slower),
    ]
    X, y, X_val, y_val = data
    net = DenseClassifier((8,), epochs=12, learning_rate=0.05, random_state=0, callbacks=callbacks)
    net.fit(X, y, X_val=X_val, y_val=y_val)
    history, weights = net.history_, net.model_.get_weights()
    assert net.n_iter_ < 12
    for again in (net, clone(net), pickle.loads(pickle.dumps(net))):
        again.fit(X, y, X_val=X_val, y_val=y_val)
        assert again.history_ == history
        for ours, theirs in zip(again.model_.get_weights(), weights, strict=True):
            assert_array_equal(ours, theirs)


def test_clones_and_pickles_have_copies(data):
    collector = Collector()
    net = by_skdl(data, collector, epochs=3)
    copies = [clone(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    for other in copies:
        (theirs,) = other.callbacks
        assert theirs is not collector
        assert theirs.losses == collector.losses
        assert theirs.model is None
        assert collector.model is net.model_
    copies[0].fit(data[0], data[1])
    assert len(collector.losses) == 3
    assert copies[2].predict(data[0]).shape == data[1].shape
    GridSearchCV(net, {"batch_size": [8, 16]}, cv=2, refit=False).fit(data[0], data[1])
    assert len(collector.losses) == 3


def test_what_cannot_be_copied_is_shared_by_clones(data):
    locked = Locked()
    net = DenseClassifier((3,), epochs=2, callbacks=locked)
    GridSearchCV(net, {"batch_size": [8, 16]}, cv=2).fit(data[0], data[1])
    assert clone(net).callbacks is locked
    assert len(locked.losses) == 2 * (2 * 2 + 1)
