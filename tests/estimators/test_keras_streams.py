"""Networks of users learn from data sets of batches, as other estimators do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from skdl import KerasClassifier, KerasRegressor

L = keras.layers
RNG = np.random.default_rng(0)
TOKENS = RNG.integers(0, 20, (50, 6))
X = RNG.normal(size=(50, 4)).astype(np.float32)
THREE = np.array(["a", "b", "c"])[TOKENS[:, 0] % 3]
VALUES = X[:, 0] - X[:, 1]
SETTINGS = {"epochs": 2, "batch_size": 16, "shuffle": False, "random_state": 0}


class Batches(keras.utils.PyDataset):
    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return tuple(array[16 * i : 16 * (i + 1)] for array in self.arrays)


def sequence(input_shape, n_outputs, output_activation):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            L.Embedding(20, 3),
            L.GRU(4),
            L.Dense(n_outputs, activation=output_activation),
        ]
    )


def mixed(input_shape):
    numbers = keras.Input(input_shape["numbers"], name="numbers")
    city = keras.Input((1,), dtype="int32", name="city")
    x = L.Concatenate()([numbers, L.Flatten()(L.Embedding(20, 2)(city))])
    return keras.Model([numbers, city], L.Dense(1)(x))


@pytest.mark.slow
def test_token_ids_by_batches_are_learned_as_from_arrays():
    expected = KerasClassifier(sequence, **SETTINGS).fit(TOKENS, THREE)
    net = KerasClassifier(sequence, **SETTINGS)
    net.fit(Batches(TOKENS, THREE), X_val=Batches(TOKENS, THREE))
    assert net.training_program_ == "keras"
    assert_allclose(net.history_["loss"], expected.history_["loss"], rtol=1e-4)
    assert_allclose(net.predict_proba(TOKENS), expected.predict_proba(TOKENS), atol=1e-5)
    assert_array_equal(net.predict_proba(Batches(TOKENS)), net.predict_proba(TOKENS))
    wrong = TOKENS.copy()
    wrong[40, 2] = 20
    with pytest.raises(ValueError, match="the token 20"):
        net.fit(Batches(wrong, THREE))
    with pytest.raises(ValueError, match="the token 20"):
        net.predict(Batches(wrong))


def test_several_inputs_by_batches_are_learned_as_from_arrays():
    rows = np.c_[X[:, :3], TOKENS[:, 0]]
    inputs = {"numbers": slice(0, 3), "city": [3]}
    expected = KerasRegressor(mixed, inputs=inputs, **SETTINGS).fit(rows, VALUES)
    data = tf.data.Dataset.from_tensor_slices((rows, VALUES)).batch(16)
    net = KerasRegressor(mixed, inputs=inputs, **SETTINGS).fit(data)
    assert_allclose(net.predict(rows), expected.predict(rows), atol=1e-5)


@pytest.mark.slow
def test_batches_of_another_shape_are_an_error():
    class Growing(Batches):
        def __getitem__(self, i):
            x, y = super().__getitem__(i)
            return x[:, : 6 - (i == 2)], y

    with pytest.raises(ValueError, match="5 features, but KerasClassifier is expecting 6"):
        KerasClassifier(sequence, **SETTINGS).fit(Growing(TOKENS, THREE))
