"""Small networks as users build them in functions, and data for them."""

import keras
import numpy as np

from skdl import KerasClassifier, KerasRegressor

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
TWO = (X[:, 0] > 0).astype(int)
THREE = np.array(["a", "b", "c"])[np.argmax(X[:, :3], axis=1)]
VALUES = X[:, 0] - X[:, 1]
TOKENS = RNG.integers(0, 20, (60, 6))


def make_model(input_shape, n_outputs, output_activation, hidden=8, rate=0.0):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            L.Dense(hidden, activation="relu"),
            L.Dropout(rate),
            L.Dense(n_outputs, activation=output_activation),
        ]
    )


def dense(units, activation=None):
    return lambda: keras.Sequential([keras.Input((4,)), L.Dense(units, activation=activation)])


def classifier(model=make_model, **parameters):
    return KerasClassifier(model, **{"epochs": 1, "random_state": 0} | parameters)


def regressor(model=make_model, **parameters):
    return KerasRegressor(model, **{"epochs": 1, "random_state": 0} | parameters)
