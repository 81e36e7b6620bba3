"""XLA loops over the epochs of small tables as well, to the bits and history of single epochs."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from slow_cases import slow_but

from skdl import DenseClassifier, DenseRegressor
from skdl._engine.compiled import epoch_loop, store

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 70)
WEIGHTS = RNG.uniform(0.2, 3, 70)
DECAY = keras.optimizers.schedules.ExponentialDecay(0.01, 50, 0.9)
NETS = {
    "a filled batch": DenseClassifier(
        (6, 5),
        dropout=0.3,
        l2=0.01,
        class_weight="balanced",
        metrics=["accuracy", "sparse_categorical_crossentropy"],
    ),
    "whole batches": DenseRegressor(
        (6,), batch_size=35, batch_normalization=True, metrics=["mae", "r2_score"]
    ),
    "a rest": DenseClassifier((6,), batch_normalization=True, metrics="accuracy"),
    "a schedule": DenseRegressor(
        (6,), optimizer=keras.optimizers.Adam(DECAY, clipnorm=0.1), shuffle=False, metrics="mae"
    ),
}


def fitted(net, weights=None, **parameters):
    net.set_params(random_state=0, epochs=180, **parameters)
    y = LABELS if isinstance(net, DenseClassifier) else X[:, :2]
    return net.fit(X, y, weights)


def state(net):
    return [variable.numpy() for variable in net._network.state]


@pytest.fixture
def three_epochs_a_call(monkeypatch):
    """Have programs of XLA take three epochs at most."""
    monkeypatch.setattr(epoch_loop, "_EPOCHS", 3)
    store.templates.clear()
    yield
    store.templates.clear()


@pytest.mark.parametrize("name", slow_but(["a filled batch"], NETS))
def test_bits_and_history_are_those_of_single_epochs(name, calls):
    single = fitted(NETS[name], WEIGHTS, callbacks=[keras.callbacks.Callback()])
    expected, history = state(single), single.history_
    assert set(calls) == {1}
    calls.clear()
    many = fitted(NETS[name], WEIGHTS, callbacks=None)
    assert many.training_program_ == "xla"
    assert max(calls) > 1
    assert many.history_ == history
    assert list(many.history_) == list(history)
    for found, value in zip(state(many), expected, strict=True):
        assert_array_equal(found, value)


def test_more_epochs_than_a_call_takes_and_going_on_from_them(three_epochs_a_call, calls):
    net = DenseClassifier((5,), dropout=0.2, metrics="accuracy", warm_start=True)
    single = [fitted(net, callbacks=[keras.callbacks.Callback()]) for _ in range(2)][-1]
    expected, history = state(single), single.history_
    calls.clear()
    many = DenseClassifier((5,), dropout=0.2, metrics="accuracy", warm_start=True)
    for n_epochs in (180, 360):
        assert len(fitted(many).history_["accuracy"]) == n_epochs == sum(calls)
    assert max(calls) == 3
    assert many.history_ == history
    for found, value in zip(state(many), expected, strict=True):
        assert_array_equal(found, value)


def test_one_program_of_xla_for_any_epochs_with_validation_and_without():
    store.templates.clear()
    for epochs, n_rows, held in [(180, 70, 0.0), (200, 69, 0.0), (177, 84, 0.2)]:
        rows = np.arange(n_rows) % 70
        net = DenseClassifier((4,), epochs=epochs, validation_split=held, random_state=0)
        net.fit(X[rows], LABELS[rows])
        assert net.training_program_ == "xla"
        assert len(net.history_["loss"]) == epochs
    (template,) = store.templates._templates.values()
    assert [key[0] for key in template._programs].count("loop") == 1
