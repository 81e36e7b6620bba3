"""Whether a user's network gives logits or probabilities: told, asked for, never guessed."""

import functools
import pickle

import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose

from skdl import KerasClassifier

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
THREE = X[:, :3].argmax(axis=1)


def heads(inputs):
    return [layers.Dense(1, activation="sigmoid")(inputs) for _ in range(2)]


def weighted_sum(one, two):
    return 0.5 * one + 0.5 * two


def gated(one, two):
    return one * two + (1 - one) * 0.5


def scaled(one, two):
    return layers.Rescaling(0.98, offset=0.01)(one)


def added(one, two):
    return layers.Add()([one, two])


PROBABILITIES = {"weighted": weighted_sum, "gated": gated, "scaled": scaled}
PROBABILITIES["mean"] = lambda one, two: layers.Average()([one, two])


def network(joined, input_shape):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, joined(*heads(inputs)))


def experts(input_shape):
    inputs = keras.Input(input_shape)
    gates = layers.Dense(2, activation="softmax")(inputs)
    each = layers.Softmax()(layers.Reshape((2, 3))(layers.Dense(6)(inputs)))
    return keras.Model(inputs, ops.einsum("bk,bkc->bc", gates, each))


def fitted(model, y=Y, **parameters):
    parameters = {"epochs": 3, "random_state": 0, **parameters}
    return KerasClassifier(model, **parameters).fit(X, y)


@pytest.mark.parametrize("joined", PROBABILITIES.values(), ids=PROBABILITIES)
def test_sums_and_means_of_sigmoids_are_no_logits(joined):
    """Their sigmoid would lie between 0.5 and 0.73."""
    model = functools.partial(network, joined)
    with pytest.raises(ValueError, match=r"cannot be told from its layers.*say so by a loss"):
        fitted(model)
    net = fitted(model, loss="binary_crossentropy", metrics="mse")
    expected = net.model_.predict(X, verbose=0)[:, 0]
    assert_allclose(net.predict_proba(X)[:, 1], expected, atol=1e-6)
    assert_allclose(net.predict(X), expected > 0.5)


def test_a_mixture_of_experts():
    with pytest.raises(ValueError, match="cannot be told from its layers"):
        fitted(experts, THREE)
    net = fitted(experts, THREE, loss="sparse_categorical_crossentropy")
    expected = net.model_.predict(X, verbose=0)
    for each in (net, pickle.loads(pickle.dumps(net))):
        assert_allclose(each.predict_proba(X), expected, atol=1e-6)


def test_what_the_loss_says_is_checked():
    net = fitted(
        functools.partial(network, added), loss="binary_crossentropy", epochs=1, learning_rate=1e-9
    )
    with pytest.raises(ValueError, match=r"takes its outputs for probabilities, from 0 to 1"):
        net.predict_proba(X)


def activated(activation, input_shape):
    return keras.Sequential([keras.Input(input_shape), layers.Dense(1, activation=activation)])


def test_an_activation_of_the_users_own_is_looked_into():
    net = fitted(functools.partial(activated, lambda x: ops.sigmoid(2 * x)))
    expected = net.model_.predict(X, verbose=0)[:, 0]
    assert_allclose(net.predict_proba(X)[:, 1], expected, atol=1e-6)
    with pytest.raises(ValueError, match="cannot be told from its layers"):
        fitted(functools.partial(activated, lambda x: ops.sin(x)))


def wide_and_deep(input_shape):
    inputs = keras.Input(input_shape)
    hidden = layers.Dense(4, activation="relu")(inputs)
    return keras.Model(inputs, layers.Add()([layers.Dense(1)(inputs), layers.Dense(1)(hidden)]))


def normalised(input_shape):
    return keras.Sequential(
        [keras.Input(input_shape), layers.Dense(1), layers.BatchNormalization()]
    )


def averaged(input_shape):
    shape = (5, 1)
    rows = [layers.Reshape(shape), layers.Conv1D(1, 1), layers.GlobalAveragePooling1D()]
    return keras.Sequential([keras.Input(input_shape), *rows])


@pytest.mark.parametrize("model", [wide_and_deep, normalised, averaged])
def test_sums_and_means_of_products_are_logits(model):
    net = fitted(model)
    logits = net.model_.predict(X, verbose=0)[:, 0]
    assert_allclose(net.predict_proba(X)[:, 1], 1 / (1 + np.exp(-logits)), atol=1e-6)


class Renamed(keras.losses.BinaryCrossentropy):
    pass


@pytest.mark.parametrize(
    "made",
    [functools.partial(functools.partial, keras.losses.binary_crossentropy), Renamed],
    ids=["partial", "subclass"],
)
def test_a_loss_of_probabilities_is_not_given_logits(made):
    """Keras would cut them off at 0 and 1, and hardly learn."""
    model = functools.partial(activated, None)
    with pytest.raises(ValueError, match=r"are linear, but loss=.* takes probabilities"):
        fitted(model, loss=made(label_smoothing=0.1))
    auto = fitted(model)
    assert_allclose(
        fitted(model, loss=made(from_logits=True)).predict_proba(X), auto.predict_proba(X), 1e-5
    )
