"""Networks of a user's own that differ in numbers of their layers share their programs."""

import pickle

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import uniform
from sklearn.model_selection import RandomizedSearchCV
from slow_cases import slow_but

from skdl import DenseRegressor, KerasClassifier
from skdl._engine.compiled import store
from skdl._networks import layer_inputs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 12)).astype(np.float32)
Y = np.arange(60) % 3


def activated(number):
    normalizations = [
        layers.BatchNormalization(momentum=number, epsilon=number / 10),
        layers.LayerNormalization(epsilon=number / 20),
        layers.GroupNormalization(2, epsilon=number / 30),
        layers.RMSNormalization(epsilon=number / 40),
    ]
    return [layers.LeakyReLU(number), *normalizations, layers.ELU(number)]


def dropouts(number):
    noise = [layers.GaussianDropout(number), layers.AlphaDropout(number)]
    words = [layers.Reshape((4, 2)), layers.SpatialDropout1D(number)]
    return [*noise, *words, layers.Flatten()]


def images(number):
    twice = [layers.Reshape((2, 2, 2)), layers.SpatialDropout2D(number)]
    thrice = [layers.Reshape((2, 2, 1, 2)), layers.SpatialDropout3D(number)]
    return [*twice, *thrice, layers.Flatten(), layers.AlphaDropout(number, noise_shape=(None, 1))]


def network(n_features, n_outputs, number, middle):
    ends = layers.Dense(8), layers.Dense(n_outputs, "softmax")
    return keras.Sequential([keras.Input((n_features,)), ends[0], *middle(number), ends[1]])


def estimator(middle, number=0.3, **more):
    parameters = {"number": number, "middle": middle}
    return KerasClassifier(network, model_params=parameters, batch_size=8, random_state=0, **more)


def n_networks(estimators, x=X, y=Y):
    store.templates.clear()
    for each in estimators:
        each.fit(x, y)
    return len(store.templates)


@pytest.mark.parametrize("epochs", [8, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("middle", slow_but([activated, dropouts], [activated, dropouts, images]))
def test_one_network_trains_with_all_numbers_as_with_constants(middle, epochs, monkeypatch):
    nets = [estimator(middle, number, epochs=epochs) for number in (0.3, 0.45)]
    assert n_networks(nets) == 1
    if epochs == 200:
        assert nets[1].training_program_ == ("xla" if middle is activated else "graph")
    every_batch = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    by_keras = estimator(middle, 0.45, epochs=8, callbacks=every_batch).fit(X, Y)
    assert by_keras.training_program_ == "keras"
    assert_allclose(nets[1].history_["loss"][:8], by_keras.history_["loss"], rtol=1e-3)
    again = pickle.loads(pickle.dumps(nets[0])).partial_fit(X, Y)
    assert_array_equal(again.predict_proba(X), nets[0].partial_fit(X, Y).predict_proba(X))
    expected = nets[1].predict_proba(X)
    monkeypatch.setattr(layer_inputs, "_NUMBERS", {})
    with_constants = estimator(middle, 0.45, epochs=epochs)
    assert n_networks([with_constants]) == 1
    assert nets[1].history_ == with_constants.history_ != nets[0].history_
    assert_array_equal(expected, with_constants.predict_proba(X))


def test_a_random_search_compiles_one_network():
    store.templates.clear()
    search = RandomizedSearchCV(
        estimator(activated, epochs=1), {"model__number": uniform(0.1, 0.8)}, n_iter=4, cv=2,
        random_state=0,
    ).fit(X, Y)  # fmt: skip
    assert len(store.templates) == 1
    found = search.best_estimator_.model_.layers[1].negative_slope
    assert found == search.best_params_["model__number"]


def test_values_of_a_meaning_of_their_own_are_networks_of_their_own():
    def slopes(number):
        return [layers.LeakyReLU(number)]

    def bends(number):
        return [layers.ELU(number)]

    def rates(number):
        return [layers.GaussianDropout(number)]

    for middle, special in ((slopes, 0.0), (bends, 1.0), (rates, 0.0)):
        nets = [estimator(middle, number, epochs=1) for number in (special, 0.2, 0.4)]
        assert n_networks(nets) == 2


def test_deltas_of_huber_are_inputs():
    y = X[:, 0] * 2
    nets = [
        DenseRegressor((6,), loss=keras.losses.Huber(delta=d), epochs=3, random_state=0)
        for d in (0.1, 0.7)
    ]
    assert n_networks(nets, X, y) == 1
    alone = DenseRegressor((6,), loss=keras.losses.Huber(delta=0.7), epochs=3, random_state=0)
    assert n_networks([alone], X, y) == 1
    assert nets[1].history_ == alone.history_ != nets[0].history_
