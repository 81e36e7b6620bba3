"""Copies of an estimator keep every argument of a loss, even one that Keras's configuration lacks.

The `get_config` of `keras.losses.Huber` does not name delta, so that Keras's own copies have the
default of 1.
"""

import copy
import pickle

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import DenseRegressor, KerasRegressor, LossCurveDisplay, build_dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
Y = 3 * X[:, 0] + RNG.normal(size=60)


def network(loss):
    return DenseRegressor(4, loss=loss, epochs=2, standardize_y=False, random_state=0)


def huber(error, delta):
    size = np.abs(error)
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean()


def test_copies_have_the_delta_of_the_original(tmp_path):
    net = network(keras.losses.Huber(delta=0.25))
    expected = net.fit(X, Y).predict(X)
    assert_allclose(
        net.model_.evaluate(X, Y, verbose=0), huber(Y - expected, delta=0.25), rtol=1e-5
    )
    skdl.save(net, tmp_path / "net.skdl")
    copies = {
        "clone": clone(net),
        "deepcopy": copy.deepcopy(net),
        "pickle": pickle.loads(pickle.dumps(net)),
        "file": skdl.load(tmp_path / "net.skdl"),
        "pipeline": clone(make_pipeline("passthrough", net)),
        "nested": TransformedTargetRegressor(net, func=np.positive, inverse_func=np.positive),
    }
    assert not np.allclose(network(keras.losses.Huber()).fit(X, Y).predict(X), expected, atol=1e-4)
    for copied in copies.values():
        assert_array_equal(copied.fit(X, Y).predict(X), expected)


def test_an_estimator_of_one_s_own_network_keeps_the_delta():
    def model(n_features, loss):
        built = build_dense((n_features,), 1, "linear", hidden_layer_sizes=(4,), seed=0)
        built.compile("adam", loss)
        return built

    net = KerasRegressor(
        model, model_params={"loss": keras.losses.Huber(delta=0.25)}, epochs=2, random_state=0
    )
    fitted = clone(net).fit(X, Y)
    error = Y - fitted.predict(X)
    assert_allclose(fitted.model_.evaluate(X, Y, verbose=0), huber(error, delta=0.25), rtol=1e-5)
    assert_array_equal(net.fit(X, Y).predict(X), fitted.predict(X))


@pytest.mark.parametrize("delta", [0.25, 4.0])
def test_a_scaled_pipeline_cloned_twice_keeps_the_delta(delta):
    pipeline = make_pipeline(StandardScaler(), network(keras.losses.Huber(delta=delta)))
    assert_array_equal(clone(clone(pipeline)).fit(X, Y).predict(X), pipeline.fit(X, Y).predict(X))


def test_a_grid_of_configurations_keeps_the_delta():
    configs = [{"class_name": "Huber", "config": {"delta": delta}} for delta in (0.25, 4.0)]
    search = GridSearchCV(network("mse"), {"loss": configs}, cv=[(range(60), range(60))])
    expected = [network(config).fit(X, Y).score(X, Y) for config in configs]
    assert_allclose(search.fit(X, Y).cv_results_["mean_test_score"], expected)


def test_networks_of_another_delta_are_not_averaged(plt):
    nets = [network(keras.losses.Huber(delta=delta)).fit(X, Y) for delta in (0.25, 4.0)]
    first, again, other = LossCurveDisplay.from_estimators([nets[0], nets[0], nets[1]]).labels
    assert first == again != other


def test_an_argument_may_be_an_array():
    loss = keras.losses.Huber(delta=np.array([0.5, 2.0]))
    copied = copy.deepcopy(network(loss)).loss
    Y_two = np.stack([Y, Y], axis=1)
    assert_allclose(copied(Y_two, 0 * Y_two), loss(Y_two, 0 * Y_two))
