"""The rows of one forward pass follow from what the layers of the network return, each once."""

import numpy as np
import pytest
import scipy.sparse

from skdl import DenseClassifier, KerasClassifier
from skdl._engine.compiled import template
from skdl._networks.keras import keras

UNITS, N_COLUMNS, N_BYTES = 40, 300, 2**16
X, Y = np.eye(30, N_COLUMNS, dtype=np.float32), np.arange(30) % 3


def at_once():
    return keras.Sequential([keras.Input((N_COLUMNS,)), *layers()])


def one_by_one():
    """Keras then calls the first layer again with each layer more."""
    model = keras.Sequential()
    for layer in [keras.Input((N_COLUMNS,)), *layers()]:
        model.add(layer)
    return model


def functional():
    outputs = inputs = keras.Input((N_COLUMNS,))
    for layer in layers():
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


def in_a_network():
    inner = keras.Sequential([keras.Input((N_COLUMNS,)), layers()[0]])
    inputs = keras.Input((N_COLUMNS,))
    return keras.Model(inputs, layers()[1](inner(inputs)))


@pytest.fixture(autouse=True)
def _few_rows(monkeypatch):
    monkeypatch.setattr(template, "_CHUNK_BYTES", N_BYTES)


def layers():
    return keras.layers.Dense(UNITS, "relu"), keras.layers.Dense(3, "softmax")


def rows_of(n_numbers):
    return N_BYTES // (4 * n_numbers) // 8 * 8


@pytest.mark.parametrize("model", [at_once, one_by_one, functional, in_a_network])
def test_networks_of_users(model):
    for rows in (X, scipy.sparse.csr_matrix(X)):
        net = KerasClassifier(model, epochs=1, random_state=0).fit(rows, Y)
        ours = net._network._template()
        assert ours.sparse == (rows is not X and model is not in_a_network)
        n_inputs = 0 if ours.sparse else N_COLUMNS
        assert ours.chunk_rows == rows_of(n_inputs + UNITS + 3)


def test_own_networks():
    for rows, n_inputs in ((X, N_COLUMNS), (scipy.sparse.csr_matrix(X), 0)):
        net = DenseClassifier((UNITS,), epochs=1, random_state=0).fit(rows, Y)
        assert net._network._template().chunk_rows == rows_of(n_inputs + UNITS + 3)
