"""Regressors whose own network ends in an activation that cannot give the values of y."""

import warnings

import keras
import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import MinMaxScaler

import skdl
from skdl import KerasRegressor

X = np.random.default_rng(0).normal(size=(30, 3)).astype("float32")
y = 150.0 + 20 * X[:, 0]


def ending_in(activation):
    return keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(1, activation=activation)])


def regressor(activation):
    return KerasRegressor(
        ending_in, model_params={"activation": activation}, epochs=1, random_state=0
    )


@pytest.mark.parametrize(
    ("activation", "values", "told"),
    [
        ("sigmoid", y, "from 0 to 1, but 30 of 30 values"),
        ("tanh", y, "from -1 to 1, but 30 of 30 values"),
        ("relu", np.r_[-3.0, np.ones(29)], "of at least 0, but 1 of 30 values of y, such as -3,"),
    ],
)
def test_values_that_are_never_predicted_are_warned_of(activation, values, told, tmp_path):
    with pytest.warns(skdl.exceptions.TargetsWarning, match=f"ends in '{activation}'.*{told}"):
        net = regressor(activation).fit(X, values)
    skdl.save(net, tmp_path / "net.skdl")
    loaded = skdl.load(tmp_path / "net.skdl", trusted=[ending_in])
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_the_remedies_are_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error", skdl.exceptions.TargetsWarning)
        regressor(None).fit(X, y)
        regressor("relu").fit(X, np.abs(y))
        scaled = TransformedTargetRegressor(regressor("sigmoid"), transformer=MinMaxScaler())
        scaled.fit(X, y)
        # Scaled values may leave the range by the rounding of their last digit.
        regressor("sigmoid").set_params(dtype="float64").fit(X, np.full(30, 1 + 1e-15))
