"""In the scope of a strategy of one device, networks train and predict as outside of it."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from skdl import DenseClassifier, KerasClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def built():
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(9, "relu"), keras.layers.Dense(2, "softmax")]
    )


@pytest.mark.parametrize(
    "net",
    [
        DenseClassifier((7,), dropout=0.1, epochs=2, random_state=0),
        KerasClassifier(built, epochs=2, random_state=0),
    ],
)
def test_bits_are_those_outside(net):
    found = []

    def fit_in_scope():
        with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
            net.fit(X, Y, X_val=X, y_val=Y)
            found.append((net.training_program_, net.history_, net.predict_proba(X)))

    # In a thread of its own, which a deadlock would leave behind.
    thread = threading.Thread(target=fit_in_scope, daemon=True)
    thread.start()
    thread.join(timeout=300)
    assert not thread.is_alive()
    (inside,) = found
    net.fit(X, Y, X_val=X, y_val=Y)
    assert inside[:2] == (net.training_program_, net.history_)
    assert_array_equal(inside[2], net.predict_proba(X))
