"""`KerasClassifier` and `KerasRegressor`: randomness, state, pickles and files."""

import pickle
import random

import cloudpickle
import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from users_networks import (
    THREE,
    TWO,
    VALUES,
    L,
    X,
    classifier,
    dense,
    make_model,
    regressor,
)

from skdl import load, save
from skdl._engine.compiled.store import templates
from skdl.exceptions import UntrustedTypesError


@pytest.mark.slow
def test_random_state_decides_all_and_global_generators_are_put_back():
    class Own(keras.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=shape[-1:], initializer="random_normal")

        def call(self, inputs):
            return inputs * self.w * self.constant

    def make(seed=None):
        layer = Own()
        layer.constant = np.random.rand(4).astype("float32") + random.random()  # noqa: NPY002
        layer.more = tf.random.normal((2,)).numpy()
        model = keras.Sequential([keras.Input((4,)), layer, L.Dropout(0.3), L.Dense(1)])
        layer.w.assign(layer.w + layer.more.sum())
        return model

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    tf.random.set_seed(1)
    first = random.random(), np.random.rand(), keras.random.normal((1,)).numpy()[0]  # noqa: NPY002
    name = keras.layers.Dense(1).name
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    nets = [regressor(make, random_state=seed, epochs=3).fit(X, VALUES) for seed in (0, 0, 1)]
    assert (random.random(), np.random.rand()) == first[:2]  # noqa: NPY002
    assert int(keras.layers.Dense(1).name.rpartition("_")[2] or 0) == 1 + int(
        name.rpartition("_")[2] if "_" in name else 0
    )
    assert_array_equal(nets[0].predict(X), nets[1].predict(X))
    assert (nets[0].predict(X) != nets[2].predict(X)).any()
    for net in nets:  # the constants of one are not in the program of another
        assert_allclose(net.predict(X), net.model_.predict(X, verbose=0)[:, 0], atol=1e-6)
    again = cloudpickle.loads(cloudpickle.dumps(nets[2]))
    assert_array_equal(again.predict(X), nets[2].predict(X))


def test_state_outside_of_the_network_is_refused():
    outside = tf.Variable(1.0, name="outside")

    class Leaking(keras.Layer):
        def __init__(self, how):
            super().__init__()
            self.how = how

        def call(self, inputs, training=False):
            return self.how(inputs)

    def make(how):
        return keras.Sequential([keras.Input((4,)), Leaking(how), L.Dense(1)])

    for how, message in [
        (lambda x: x * outside, "not its own: 'outside"),
        (lambda x: x + tf.random.normal((4,)), "RandomStandardNormal"),
        (lambda x: x + keras.random.normal((4,)), "without a seed of its own"),
    ]:
        with pytest.raises(ValueError, match=message):
            regressor(make, model_params={"how": how}).fit(X, VALUES)


def test_stateful_layers_are_refused():
    def make():
        return keras.Sequential([keras.Input((4, 1)), L.LSTM(2, stateful=True), L.Dense(1)])

    with pytest.raises(ValueError, match="stateful"):
        regressor(make).fit(X[:, :, None], VALUES)


def test_functions_of_a_notebook_share_programs():
    """In a worker process each task brings the functions as new objects."""
    net = regressor(make_model).fit(X, VALUES)
    n_before = len(templates)
    pickled = cloudpickle.dumps(clone(net).set_params(model=lambda **k: dense(3)()))
    assert pickled
    source = "def make():\n    import keras\n    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(7, activation=lambda x: x * 2), keras.layers.Dense(1)])"  # noqa: E501
    for _ in range(3):
        scope = {"__name__": "__main__"}
        exec(source, scope)
        regressor(cloudpickle.loads(cloudpickle.dumps(scope["make"]))).fit(X, VALUES)
    assert len(templates) == n_before + 1


class OwnModel(keras.Model):
    def __init__(self, units=1):
        super().__init__()
        self.dense = L.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


def test_subclassed_models_are_builders():
    net = regressor(OwnModel, epochs=2).fit(X, VALUES)
    assert net.get_params()["model__units"] == 1
    assert_allclose(net.predict(X), net.model_.predict(X, verbose=0)[:, 0], atol=1e-6)
    again = pickle.loads(pickle.dumps(net))
    assert_array_equal(again.predict(X), net.predict(X))
    linear = classifier(OwnModel, epochs=2).fit(X, TWO)  # outputs without an activation
    assert_allclose(
        linear.predict_proba(X)[:, 1], expit(linear.model_.predict(X, verbose=0)[:, 0]), atol=1e-6
    )


def test_pickles_go_on_where_they_were(tmp_path):
    net = classifier(epochs=2, warm_start=True, model_params={"rate": 0.3}).fit(X, THREE)
    joblib.dump(net, tmp_path / "net.joblib")
    others = [pickle.loads(pickle.dumps(net)), joblib.load(tmp_path / "net.joblib")]
    net.fit(X, THREE)
    for other in others:
        assert_array_equal(other.fit(X, THREE).predict_proba(X), net.predict_proba(X))
    assert net.n_iter_ == 4
    with pytest.raises(ValueError, match="cannot go on"):
        net.set_params(model__hidden=3).fit(X, THREE)


def test_partial_fit_and_two_softmax_units():
    net = classifier(dense(2, "softmax"))
    for _ in range(3):
        net.partial_fit(X, TWO, classes=[0, 1])
    assert net.n_iter_ == 3
    assert net.predict_proba(X).shape == (60, 2)


def test_a_saved_file_names_the_function(tmp_path):
    """It is called when the network is built, so whoever loads the file has to trust it."""
    pytest.importorskip("skops")
    net = classifier(epochs=2).fit(X, THREE)
    save(net, tmp_path / "net.skdl")
    with pytest.raises(UntrustedTypesError, match="make_model") as caught:
        load(tmp_path / "net.skdl")
    loaded = load(tmp_path / "net.skdl", trusted=caught.value.names)
    assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
