"""Networks that slice their inputs, whose sizes TensorFlow does not know in a graph."""

import keras
import pytest
from keras import layers
from numpy.testing import assert_allclose

from skdl import KerasClassifier


def convolutional(n_outputs, output_activation):
    inputs = keras.Input((8, 8, 1))
    parts = [layers.Conv2D(4, 3)(inputs[:, :6]), layers.Conv2D(4, 3)(inputs[:, 2:])]
    x = layers.Flatten()(layers.Concatenate()(parts))
    return keras.Model(inputs, layers.Dense(n_outputs, output_activation)(x))


def dense(n_outputs, output_activation):
    inputs = keras.Input((64,))
    parts = [layers.Dense(40)(inputs[:, :32]), layers.Dense(40)(inputs[:, 32:])]
    x = layers.Concatenate()(parts)
    return keras.Model(inputs, layers.Dense(n_outputs, output_activation)(x))


@pytest.mark.parametrize(
    ("network", "batch_size", "program"),
    [(convolutional, 32, "graph"), (dense, 128, "graph"), (dense, 1, "xla")],
)
def test_sliced_inputs_train_as_keras_trains_them(network, batch_size, program, digits):
    X, y = digits[0][:200] / 16, digits[1][:200]
    X = X.reshape(-1, 8, 8, 1) if network is convolutional else X
    kinds = {"epochs": 2, "batch_size": batch_size, "shuffle": False, "random_state": 0}
    net = KerasClassifier(network, **kinds).fit(X, y)
    assert net.training_program_ == program
    # A callback on batches has Keras train.
    per_batch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    other = KerasClassifier(network, callbacks=[per_batch], **kinds).fit(X, y)
    assert other.training_program_ == "keras"
    assert_allclose(net.history_["loss"], other.history_["loss"], rtol=1e-4)
