"""Networks that differ in the deviation of their noise share their compiled programs."""

import pickle

import keras
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skdl import KerasClassifier
from skdl._engine.compiled import store

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype(np.float32)
Y = np.arange(60) % 3


class Louder(keras.layers.GaussianNoise):
    """A layer of a user's own."""

    def call(self, inputs, training=False):
        return super().call(inputs, training=training) * self.stddev


def noisy(n_features, n_outputs, deviation, layer=keras.layers.GaussianNoise):
    layers = [keras.layers.Dense(6, "relu"), layer(deviation)]
    layers.append(keras.layers.Dense(n_outputs, "softmax"))
    return keras.Sequential([keras.Input((n_features,)), *layers])


def estimator(deviation, layer=keras.layers.GaussianNoise, **more):
    parameters = {"deviation": deviation, "layer": layer}
    return KerasClassifier(
        noisy, model_params=parameters, epochs=60, batch_size=8, random_state=0, **more
    )


def n_networks(estimators):
    store.templates.clear()
    for each in estimators:
        each.fit(X, Y)
    return len(store.templates)


def test_one_program_trains_all_deviations_as_one_of_its_own():
    nets = [estimator(deviation) for deviation in (0.1, 0.5)]
    assert n_networks(nets) == 1
    assert [net.training_program_ for net in nets] == ["graph", "graph"]
    alone = estimator(0.5)
    assert n_networks([alone]) == 1
    assert_array_equal(nets[1].predict_proba(X), alone.predict_proba(X))
    assert nets[1].history_ == alone.history_ != nets[0].history_
    every_batch = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    by_keras = estimator(0.5, callbacks=every_batch).fit(X, Y)
    assert by_keras.training_program_ == "keras"
    assert_allclose(nets[1].history_["loss"], by_keras.history_["loss"], rtol=1e-4)
    for net, deviation in zip(nets, (0.1, 0.5), strict=True):
        again = pickle.loads(pickle.dumps(net))
        for each in (net, again):
            assert each.model_.layers[1].stddev == deviation
            each.partial_fit(X, Y)
            assert each.model_.get_config()["layers"][2]["config"]["stddev"] == deviation
        assert_array_equal(net.predict_proba(X), again.predict_proba(X))


def test_no_noise_and_layers_of_the_users_are_networks_of_their_own():
    assert n_networks([estimator(deviation) for deviation in (0.0, 0.3)]) == 2
    assert n_networks([estimator(deviation, Louder) for deviation in (0.2, 0.3)]) == 2
