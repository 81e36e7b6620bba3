"""Fits that validate train many epochs in a call, and are what they are epoch by epoch."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl import DenseClassifier, DenseRegressor, TabularClassifier
from skdl._engine.compiled import programs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
Y = (X[:, 0] + RNG.normal(size=90) > 0).astype(int) + (X[:, 1] > 0.5)


STOPPING = {"early_stopping": True, "random_state": 1}
NETS = {
    "graph": lambda: DenseClassifier((8,), epochs=25, patience=3, **STOPPING),
    "xla": lambda: DenseClassifier(
        (8,),
        epochs=400,
        patience=5,
        dropout=0.3,
        learning_rate=0.02,
        metrics="accuracy",
        **STOPPING,
    ),
    "at once": lambda: DenseClassifier((4,), epochs=9, patience=1, learning_rate=0.5, **STOPPING),
    "to the end": lambda: DenseRegressor(
        (4,), epochs=12, patience=50, batch_normalization=True, metrics="mae", **STOPPING
    ),
    "validation alone": lambda: DenseClassifier(
        (4,), epochs=12, validation_split=0.3, batch_size=13, random_state=0
    ),
}


def epoch_by_epoch(monkeypatch):
    monkeypatch.setattr(programs.Epochs, "n_validated", lambda *_: 0)


@pytest.mark.parametrize("name", NETS)
def test_same_as_epoch_by_epoch(name, monkeypatch):
    calls = []
    run = programs.Epochs.run_validated

    def counted(self, epoch, n_epochs, *arguments, **keywords):
        calls.append(n_epochs)
        return run(self, epoch, n_epochs, *arguments, **keywords)

    monkeypatch.setattr(programs.Epochs, "run_validated", counted)
    fast = NETS[name]().fit(X, Y)
    assert sum(calls) == fast.n_iter_  # none in vain
    assert len(calls) < fast.n_iter_ or name == "at once"
    epoch_by_epoch(monkeypatch)
    calls.clear()
    slow = NETS[name]().fit(X, Y)
    assert not calls
    assert fast.history_ == slow.history_
    assert (fast.n_iter_, fast.best_epoch_) == (slow.n_iter_, slow.best_epoch_)
    assert fast.training_program_ == slow.training_program_
    for mine, theirs in zip(fast._network.state, slow._network.state, strict=True):
        assert_array_equal(mine.numpy(), theirs.numpy())


def test_stops_as_keras_does():
    """The patience of Keras's own callback, which looks between two epochs, decides the same."""
    parameters = {"epochs": 60, "learning_rate": 0.05, "random_state": 0}
    stopper = keras.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True)
    held = X[60:], Y[60:]
    theirs = DenseClassifier((8,), callbacks=stopper, **parameters).fit(X[:60], Y[:60], None, *held)
    ours = DenseClassifier((8,), early_stopping=True, patience=4, **parameters)
    ours.fit(X[:60], Y[:60], None, *held)
    assert ours.n_iter_ == theirs.n_iter_ < 60
    assert ours.history_ == theirs.history_
    assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))


def test_members_of_a_tabular_estimator(monkeypatch):
    def fitted():
        return TabularClassifier(hidden_layer_sizes=8, n_members=2, epochs=15, random_state=0).fit(
            X, Y
        )

    fast = fitted().predict_proba(X)
    epoch_by_epoch(monkeypatch)
    assert_array_equal(fast, fitted().predict_proba(X))


def test_what_is_not_finite_is_an_error():
    net = DenseRegressor((4,), early_stopping=True, epochs=20, learning_rate=1e30, random_state=0)
    with pytest.raises(ValueError, match="became NaN or infinite"):
        net.fit(X, Y)
