"""Networks that differ in rates, penalties and other numbers share their compiled programs."""

import itertools

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import make_pipeline
from slow_cases import slow_but

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    KerasClassifier,
    TextBoWClassifier,
    build_dense,
)
from skdl._engine.compiled import store

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype(np.float32)
Y = np.arange(60) % 3


def own_network(n_features, n_outputs, output_activation, rate=0.2, penalty=0.01):
    return keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.Dense(6, "relu", kernel_regularizer=keras.regularizers.L2(penalty)),
            keras.layers.Dropout(rate),
            keras.layers.Dense(n_outputs, output_activation),
        ]
    )


class Halved(keras.layers.Layer):
    """A layer of a user's own that reads the rate of another."""

    def __init__(self, dropout):
        super().__init__()
        self.dropout = dropout

    def call(self, inputs, training=False):
        return self.dropout(inputs, training=training) * (1 - self.dropout.rate)


def reading_network(n_features, n_outputs, output_activation, rate):
    layers = [Halved(keras.layers.Dropout(rate)), keras.layers.Dense(n_outputs, output_activation)]
    return keras.Sequential([keras.Input((n_features,)), *layers])


def networks_made(estimators, X, y):
    """Return how many networks were compiled, and what each estimator has learned."""
    store.templates.clear()
    learned = [estimator.fit(X, y)._network.get_weights() for estimator in estimators]
    return len(store.templates), learned


def alone(estimator, X, y):
    """Return what an estimator learns where nothing was compiled before."""
    return networks_made([estimator], X, y)[1][0]


def assert_same(one, other):
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.slow
def test_sixty_candidates_of_a_search_compile_two_networks():
    store.templates.clear()
    grid = {
        "dropout": [0.0, 0.1, 0.2, 0.3, 0.5],
        "l2": [1e-4, 1e-3, 1e-2, 0.1],
        "learning_rate": [1e-4, 1e-3, 1e-2],
    }
    candidates = ParameterGrid(grid)
    assert len(candidates) == 60
    for parameters in candidates:
        DenseClassifier((6,), epochs=1, random_state=0, **parameters).fit(X, Y)
    assert len(store.templates) == 2  # without dropout, and with


SHARED = {
    "dropout": [DenseClassifier((6, 4), dropout=rate) for rate in (0.3, 0.05)],
    "a rate per layer": [DenseClassifier((6, 4), dropout=r) for r in ((0.3, 0.6), (0.1, 0.2))],
    "l1": [DenseRegressor((6,), l1=penalty) for penalty in (0.1, 0.02)],
    "l2 in float64": [
        DenseClassifier((6,), l2=penalty, dtype="float64") for penalty in (0.1, 0.02)
    ],
    "AdamW": [
        DenseClassifier((6,), optimizer=keras.optimizers.AdamW(beta_1=b, beta_2=c))
        for b, c in ((0.9, 0.9), (0.6, 0.99))
    ],
    "SGD": [
        DenseClassifier((6,), optimizer=keras.optimizers.SGD(momentum=m, clipnorm=c))
        for m, c in ((0.9, 0.1), (0.5, 0.03))
    ],
    "RMSprop": [
        DenseClassifier((6,), optimizer=keras.optimizers.RMSprop(global_clipnorm=clipnorm))
        for clipnorm in (0.1, 0.03)
    ],
    "label_smoothing": [
        DenseClassifier((6,), loss=keras.losses.CategoricalCrossentropy(label_smoothing=s))
        for s in (0.1, 0.3)
    ],
    "a network of one's own": [
        KerasClassifier(
            own_network,
            model_params={"rate": rate, "penalty": penalty},
            optimizer=keras.optimizers.Adam(clipnorm=clipnorm),
        )
        for rate, penalty, clipnorm in ((0.2, 0.1, 0.01), (0.5, 0.001, 0.2))
    ],
}


USUAL = "l1", "a network of one's own"


@pytest.mark.parametrize("name", slow_but(USUAL, SHARED))
@pytest.mark.parametrize("epochs", [2, pytest.param(200, marks=pytest.mark.slow)])
def test_networks_that_differ_in_a_number_share_programs(name, epochs):
    first, second = (e.set_params(epochs=epochs, random_state=3) for e in SHARED[name])
    n_networks, learned = networks_made([first, second], X, Y)
    assert n_networks == 1
    assert any((a != b).any() for a, b in zip(*learned, strict=True))  # its own number counts
    assert_same(learned[1], alone(second, X, Y))


@pytest.mark.slow
def test_convolutions_and_words_share_programs_too():
    images = RNG.uniform(size=(24, 8, 8, 1)).astype(np.float32)
    texts = np.array(["a cat sat", "dogs ran off", "we ate it all"] * 8)
    convnets = [
        ConvNetClassifier((3, 4), conv_dropout=c, dropout=d, l2=p, epochs=1, random_state=0)
        for c, d, p in ((0.1, 0.5, 0.1), (0.3, 0.2, 0.01))
    ]
    bags = [TextBoWClassifier(dropout=r, l1=p, epochs=1, random_state=0)
            for r, p in ((0.2, 0.1), (0.4, 0.2))]  # fmt: skip
    for estimators, rows in ((convnets, images), (bags, texts)):
        n_networks, learned = networks_made(estimators, rows, Y[:24])
        assert n_networks == 1
        assert_same(learned[1], alone(estimators[1], rows, Y[:24]))


def test_zero_is_a_network_of_its_own():
    nets = [
        DenseClassifier((6,), dropout=rate, l2=penalty, epochs=1, random_state=0)
        for rate, penalty in itertools.product((0.0, 0.5), (0.0, 0.1))
    ]
    assert networks_made(nets, X, Y)[0] == 4


def test_a_rate_that_a_layer_of_the_users_reads_is_no_input():
    nets = [
        KerasClassifier(reading_network, model_params={"rate": r}, epochs=2, random_state=0)
        for r in (0.5, 0.25)
    ]
    n_networks, learned = networks_made(nets, X, Y)
    assert n_networks == 2
    assert_same(learned[1], alone(nets[1], X, Y))


def test_regularizer_that_networks_have_in_common_is_left_as_it_is():
    shared = keras.regularizers.L2(0.25)

    def build(n_features, n_outputs, output_activation):
        return keras.Sequential(
            [
                keras.Input((n_features,)),
                keras.layers.Dense(n_outputs, output_activation, kernel_regularizer=shared),
            ]
        )

    net = KerasClassifier(build, epochs=1, random_state=0).fit(X, Y)
    assert shared.l2 == 0.25
    assert net.model_.layers[-1].kernel_regularizer is shared


@pytest.mark.slow
def test_second_penalty_trains_as_plain_keras():
    for l2, momentum in ((0.3, 0.9), (0.02, 0.5)):
        optimizer = keras.optimizers.SGD(0.1, momentum=momentum, clipnorm=momentum)
        net = DenseClassifier(
            (6,), l2=l2, optimizer=optimizer, epochs=3, shuffle=False, random_state=0
        ).fit(X, Y)
    model = build_dense((5,), 3, "softmax", hidden_layer_sizes=(6,), l2=l2)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    fresh = DenseClassifier((6,), epochs=1, learning_rate=1e-30, random_state=0).fit(X, Y)
    model.set_weights(fresh.model_.get_weights())
    history = model.fit(X, Y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    assert_allclose(net.history_["loss"], history.history["loss"], rtol=1e-5)
    for mine, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_model_has_the_numbers_of_its_own_estimator():
    for rate, penalty in ((0.1, 0.2), (0.3, 0.4)):
        net = DenseClassifier((6,), dropout=rate, l2=penalty, epochs=1, random_state=0).fit(X, Y)
    layers = net.model_.layers
    assert (layers[1].rate, layers[0].kernel_regularizer.l2) == (rate, penalty)


def test_rates_beyond_their_range_are_still_refused():
    DenseClassifier((6, 4), dropout=(0.1, 0.2), epochs=1).fit(X, Y)
    with pytest.raises(ValueError, match="dropout must be in"):
        DenseClassifier((6, 4), dropout=(0.1, 1.2), epochs=1).fit(X, Y)


def test_training_does_not_go_on_with_another_rate():
    net = make_pipeline(DenseClassifier((6,), dropout=0.1, epochs=1, warm_start=True)).fit(X, Y)
    with pytest.raises(ValueError, match="cannot go on"):
        net.set_params(denseclassifier__dropout=0.2).fit(X, Y)
