"""Copies, pickles and files of Keras objects take no number from the user's generators."""

import copy
import pickle
import random

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

import skdl
from skdl import DenseClassifier, KerasClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype(np.float32)
Y = np.arange(20) % 2


def network():
    layers = [keras.layers.Dense(4, activation="relu"), keras.layers.Dropout(0.2)]
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1, "sigmoid")])


def on(layer):
    output = keras.layers.Dense(1, "sigmoid")
    return keras.Sequential([keras.Input((3,)), layer, output])


ESTIMATORS = {
    "ready network": KerasClassifier(network(), epochs=2, random_state=0),
    "layer": KerasClassifier(
        on, model_params={"layer": keras.layers.Dense(4)}, epochs=2, random_state=0
    ),
    "activation": DenseClassifier(
        4, kernel_initializer=keras.initializers.HeNormal(), activation=keras.layers.PReLU(),
        epochs=2, random_state=0,
    ),
}  # fmt: skip


def saved(net, folder):
    skdl.save(net, folder / "net.skdl")
    return skdl.load(folder / "net.skdl", trusted=[on])


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_no_number_is_drawn(kind, tmp_path):
    net = ESTIMATORS[kind]
    expected = net.fit(X, Y).predict_proba(X)
    ways = {
        "clone": clone,
        "deepcopy": copy.deepcopy,
        "pickle": lambda net: pickle.loads(pickle.dumps(net)),
        "file": lambda net: saved(net, tmp_path),
    }
    if kind == "layer":
        del ways["file"]  # of a layer in model_params none is written
    for name, way in ways.items():
        before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
        copied = way(net)
        assert (random.getstate(), repr(np.random.get_state())) == before, name  # noqa: NPY002
        assert_array_equal(copied.fit(X, Y).predict_proba(X), expected)
