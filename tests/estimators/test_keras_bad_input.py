"""What `KerasClassifier` and `KerasRegressor` cannot take: one error each that says what to do."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl import KerasRegressor

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
VALUES = X[:, 0] - X[:, 1]
TOKENS = RNG.integers(0, 20, (40, 4))


def regressor(model, **parameters):
    return KerasRegressor(model, **{"epochs": 1, "random_state": 0} | parameters)


# Tokens that no input feeds to an embedding as they are.


class WithEmbedding(keras.Model):
    def __init__(self, first=0):
        super().__init__()
        self.first, self.embedding, self.dense = first, L.Embedding(20, 2), L.Dense(1)

    def call(self, x):
        positions = keras.ops.arange(4 - self.first)
        tokens = x[:, self.first :]
        return self.dense(L.Flatten()(self.embedding(tokens) + self.embedding(positions)))


def shifted(input_shape):
    inputs = keras.Input(input_shape)
    x = L.Embedding(21, 2)(L.Rescaling(1.0, offset=1.0)(inputs))
    return keras.Model(inputs, L.Dense(1)(L.Flatten()(x)))


@pytest.mark.parametrize("model", [WithEmbedding, shifted])
def test_tokens_that_a_network_computes_are_checked(model):
    """TensorFlow counts negative ones from the end, cuts off fractions, or reads zeros."""
    net = regressor(model).fit(TOKENS.astype(float), VALUES)
    expected = net.model_.predict(TOKENS.astype(np.float32), verbose=0)[:, 0]
    np.testing.assert_allclose(net.predict(TOKENS.astype(float)), expected, rtol=1e-5, atol=1e-6)
    for token in (20, -2, 0.5):
        wrong = TOKENS.astype(float)
        wrong[30, 2] = token
        seen = token + (model is shifted)
        message = f"to the token {seen:g}, but its layer 'embedding.*' knows whole numbers from 0"
        with pytest.raises(ValueError, match=message):
            net.predict(wrong)
        with pytest.raises(ValueError, match=message):
            regressor(model).fit(wrong, VALUES)


def test_only_columns_that_are_looked_up_are_tokens():
    rows = TOKENS.astype(float)
    rows[:, 0] = 100.5
    net = regressor(WithEmbedding, model_params={"first": 1}).fit(rows, VALUES)
    assert np.isfinite(net.predict(rows)).all()


class Cast(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = L.Dense(1)

    def call(self, x):
        return self.dense(keras.ops.cast(x, "float32"))


def whole_numbers(input_shape):
    inputs = keras.Input(input_shape, dtype="int32")
    return keras.Model(inputs, L.Dense(1)(L.Rescaling(1.0)(inputs)))


@pytest.mark.parametrize("model", [Cast, whole_numbers])
def test_fractions_are_not_cut_off_for_integer_inputs(model):
    net = regressor(model).fit(TOKENS, VALUES)
    assert_array_equal(net.predict(TOKENS.astype(float)), net.predict(TOKENS))
    with pytest.raises(ValueError, match=r"X holds .*\.5, but the network takes whole numbers"):
        net.predict(TOKENS + 0.5)


# What is given as the network.


@pytest.mark.parametrize("model", [L.Dense(1), keras.optimizers.SGD()])
def test_other_objects_of_keras_are_no_networks(model):
    with pytest.raises(TypeError, match=r"model must be a function that returns a keras.Model"):
        regressor(model).fit(X, VALUES)


@pytest.mark.parametrize("layer", [L.RNN(L.GRUCell(2), stateful=True), L.LSTM(2, stateful=True)])
def test_stateful_layers_are_not_told_to_have_a_fixed_batch_size(layer):
    """As Keras does, which is an error as well."""

    def make():
        recurrent = type(layer).from_config(layer.get_config())
        return keras.Sequential([keras.Input((4, 1)), recurrent, L.Dense(1)])

    with pytest.raises(ValueError, match=r"stateful.*Leave out stateful=True"):
        regressor(make).fit(X[:, :, None], VALUES)


# Columns of inputs.


def mixed(input_shape):
    numbers = keras.Input(input_shape["numbers"], name="numbers")
    city = keras.Input((1,), dtype="int32", name="city")
    x = L.Concatenate()([numbers, L.Flatten()(L.Embedding(20, 2)(city))])
    return keras.Model([numbers, city], L.Dense(1)(x))


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ([0, 0, 1], ValueError, "the column 0 twice.*two inputs may share"),
        ([0, -4], ValueError, "the column 0 twice"),
        ([0.5, 1], TypeError, r"must be names, positions, booleans or a slice"),
        (None, TypeError, "received None"),
        (np.array([[0, 1]]), TypeError, "must be names"),
        (lambda X: [0, 1], TypeError, "must be names"),
        ([], ValueError, "has no columns"),
        ([7], ValueError, "asks for column 7, but X has 4"),
        (["a"], ValueError, "X has no column names"),
    ],
)
def test_columns_that_are_none(columns, error, message):
    with pytest.raises(error, match=message):
        regressor(mixed, inputs={"numbers": columns, "city": 3}).fit(X, VALUES)


def test_inputs_may_share_columns():
    rows = np.c_[X[:, :3], TOKENS[:, 0]]
    net = regressor(mixed, inputs={"numbers": [0, 1, 3], "city": [3]}).fit(rows, VALUES)
    assert net.predict(rows).shape == (40,)


def test_dicts_of_arrays_are_no_rows():
    rows = {"numbers": X[:, :3], "city": TOKENS[:, :1]}
    with pytest.raises(TypeError, match=r"X must be one array.*say by `inputs`"):
        regressor(mixed).fit(rows, VALUES)


def test_a_function_that_raises_is_told_what_it_was_given():
    with pytest.raises(ValueError, match=r"asks for 'numbers', but inputs names \['city', 'num"):
        regressor(mixed, inputs={"number": [0, 1], "city": 3}).fit(X, VALUES)
    with pytest.raises(TypeError) as caught:
        regressor(mixed).fit(X, VALUES)
    assert "(a dict by the names of inputs, where inputs is given)" in caught.value.__notes__[0]
