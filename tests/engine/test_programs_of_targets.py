"""A compiled network trains on the numbers of classes and on columns of targets, each by its own.

The network, its loss and the shape of what the loss sees are the same: programs of one must not be
called with the rows of the other. In batches as long as the targets are wide NumPy's rules would
make numbers of it, without an error.
"""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdl import DenseClassifier, DenseRegressor, KerasClassifier, KerasRegressor
from skdl._engine.compiled import programs
from skdl._engine.compiled.store import templates

RNG = np.random.default_rng(0)
X = RNG.normal(size=(27, 4)).astype(np.float32)
CLASSES = X[:, :3].argmax(axis=1)
LABELS = (X[:, :3] > 0).astype(int)
SHARES = np.exp(X[:, :3]) / np.exp(X[:, :3]).sum(axis=1, keepdims=True)


def bounded():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="sigmoid")])


FITS = {
    "own networks": [
        (KerasClassifier(bounded, loss="mse"), CLASSES),
        (KerasClassifier(bounded, loss="mse"), LABELS),
        (KerasRegressor(bounded, loss="mse"), SHARES),
    ],
    "dense networks": [
        (DenseClassifier(3, loss="kl_divergence"), CLASSES),
        (DenseRegressor(3, loss="kl_divergence", output_activation="softmax"), SHARES),
    ],
}


@pytest.mark.parametrize("program", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", FITS)
def test_fits_in_any_order_are_those_of_a_fresh_process(kind, program, monkeypatch):
    monkeypatch.setattr(programs, "choose_program", lambda *args: program)
    nets = [(net.set_params(epochs=2, batch_size=3, random_state=0), y) for net, y in FITS[kind]]
    alone = []
    for net, y in nets:
        templates.clear()
        net.fit(X, y, X_val=X, y_val=y)
        alone.append((net.predict(X), net.history_))
    for order in (nets, nets[::-1]):
        templates.clear()
        for net, y in order:
            net.fit(X, y, X_val=X, y_val=y)
            expected, history = alone[[each[0] for each in nets].index(net)]
            assert_array_equal(net.predict(X), expected)
            for name, values in history.items():
                assert_allclose(net.history_[name], values, rtol=1e-6)
