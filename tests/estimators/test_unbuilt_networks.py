"""Existing networks that are not built yet, such as a Sequential that names no input."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skdl import KerasClassifier

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 5)).astype("float32"), np.arange(40) % 3


def unbuilt(compiled=True):
    model = keras.Sequential(
        [keras.layers.Dense(4, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    )
    if compiled:
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_it_trains_as_the_function_that_builds_it():
    given = unbuilt()
    net = KerasClassifier(given, epochs=3, random_state=0).fit(X, y)
    assert not given.built  # it is left as it was
    assert set(net.history_) == {"accuracy", "loss"}
    expected = KerasClassifier(unbuilt, epochs=3, random_state=0).fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(X), expected.predict_proba(X))
    for copy in (pickle.loads(pickle.dumps(net)), clone(net).fit(X, y)):
        np.testing.assert_array_equal(copy.predict_proba(X), net.predict_proba(X))
    assert net.fit(X[:, :4], y).model_.input_shape == (None, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_frozen_stays_frozen(dtype):
    given = unbuilt(compiled=False)
    given.layers[0].trainable = False
    net = KerasClassifier(given, epochs=1, random_state=0, dtype=dtype).fit(X, y)
    assert [layer.trainable for layer in net.model_.layers] == [False, True]
    assert not net.model_.layers[0].bias.numpy().any()  # as it was initialised
    assert net.model_.layers[1].kernel.dtype == dtype
