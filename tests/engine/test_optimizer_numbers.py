"""Optimizers that differ in their numbers alone share programs, and train as if alone."""

import pickle

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from slow_cases import slow_but

from skdl import DenseClassifier, DenseRegressor, build_dense
from skdl._engine.compiled import programs, store
from skdl._networks import numbers

O = keras.optimizers  # noqa: E741
RNG = np.random.default_rng(0)
X = RNG.normal(size=(43, 6)).astype(np.float32)
Y = X @ RNG.normal(size=6)
Y = (Y - Y.mean()) / Y.std()  # as regressors do

# Two of each, which differ in every number that is an input.
OPTIMIZERS = {
    "SGD": lambda n: O.SGD(0.01, momentum=n, nesterov=True, weight_decay=n / 10),
    "RMSprop": lambda n: O.RMSprop(0.01, epsilon=n / 1000, weight_decay=n / 10),
    "Adam": lambda n: O.Adam(0.01, beta_1=n, epsilon=n / 1000, amsgrad=True, weight_decay=n),
    "AdamW": lambda n: O.AdamW(0.01, weight_decay=n, epsilon=n / 1000, clipnorm=n / 10),
    "accumulated": lambda n: O.AdamW(0.01, gradient_accumulation_steps=2, weight_decay=n / 5),
    "Adagrad": lambda n: O.Adagrad(0.01, epsilon=n / 1000, weight_decay=n / 10),
    "Adamax": lambda n: O.Adamax(0.01, beta_1=n, epsilon=n / 1000),
    "Nadam": lambda n: O.Nadam(0.01, beta_1=n, beta_2=n, epsilon=n / 1000),
    "Lion": lambda n: O.Lion(0.001, beta_1=n, beta_2=n, weight_decay=n),
}
NUMBERS = 0.9, 0.4
USUAL = ("AdamW",)


def learned(optimizer, **settings):
    net = DenseRegressor(
        (8,), optimizer=optimizer, batch_size=8, shuffle=False, random_state=3, **settings
    ).fit(X, Y)
    return net, net.model_.get_weights()


def assert_same(one, other):
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def set_program(program, monkeypatch):
    monkeypatch.setattr(programs, "choose_program", lambda *_: program)


@pytest.mark.parametrize("name", slow_but(USUAL, OPTIMIZERS))
def test_shares_programs_and_trains_as_plain_keras(name, monkeypatch):
    program = "graph" if name in ("AdamW", "accumulated") else "xla"
    set_program(program, monkeypatch)
    store.templates.clear()
    for number in NUMBERS:
        net, weights = learned(OPTIMIZERS[name](number), epochs=4)
        assert net.training_program_ == program
    model = build_dense((6,), 1, "linear", hidden_layer_sizes=(8,), seed=3)
    model.compile(OPTIMIZERS[name](number), "mse")
    history = model.fit(X, Y[:, None], 8, 4, shuffle=False, verbose=0).history
    assert_allclose(net.history_["loss"], history["loss"], rtol=1e-4)
    for ours, theirs in zip(weights, model.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    configs = [each.optimizer.get_config() | {"name": ""} for each in (net.model_, model)]
    assert configs[0] == configs[1]
    assert len(store.templates) == 1
    store.templates.clear()
    assert_same(weights, learned(OPTIMIZERS[name](NUMBERS[1]), epochs=4)[1])


def constants(monkeypatch):
    """Have the numbers of optimizers be constants of programs."""
    monkeypatch.setattr(numbers, "_ALL_OPTIMIZERS", ())
    monkeypatch.setattr(numbers, "_OPTIMIZERS", {})
    store.templates.clear()


# A decay is multiplied by the learning rate first, which Keras does not do.
UNDECAYED = {
    "SGD": lambda n: O.SGD(0.01, momentum=n, nesterov=True),
    "RMSprop": lambda n: O.RMSprop(0.01, epsilon=n / 1000),
    "Adam": lambda n: O.Adam(0.01, beta_1=n, epsilon=n / 1000),
    "Nadam": OPTIMIZERS["Nadam"],
}


@pytest.mark.parametrize("name", slow_but(("Adam",), UNDECAYED))
@pytest.mark.parametrize("program", ["graph", "xla"])
def test_same_bits_as_with_constants(name, program, monkeypatch):
    set_program(program, monkeypatch)
    net, weights = learned(UNDECAYED[name](0.4), epochs=10)
    constants(monkeypatch)
    plain, expected = learned(UNDECAYED[name](0.4), epochs=10)
    assert_same(weights, expected)
    assert net.history_ == plain.history_


def test_no_decay_or_momentum_is_a_network_of_its_own():
    store.templates.clear()
    optimizers = [
        O.SGD(0.01, momentum=momentum, weight_decay=decay, global_clipnorm=norm)
        for momentum, decay, norm in ((0.0, None, None), (0.9, None, 1.0), (0.9, 0.1, None))
    ]
    for n, optimizer in enumerate(optimizers, 1):
        learned(optimizer, epochs=1)
        assert len(store.templates) == n


def test_copies_go_on_with_their_own_decay():
    y = (Y > 0).astype(int)
    settings = {"epochs": 2, "random_state": 0, "warm_start": True}
    nets = []
    for decay in (0.5, 0.1):
        optimizer = O.AdamW(0.01, weight_decay=decay)
        nets.append(DenseClassifier((4,), optimizer=optimizer, **settings).fit(X, y))
    copies = [pickle.loads(pickle.dumps(net)) for net in nets]
    store.templates.clear()
    for net, copied, decay in zip(nets, copies, (0.5, 0.1), strict=True):
        for go_on in (lambda e: e.partial_fit(X, y), lambda e: e.fit(X, y)):
            models = [go_on(each).model_ for each in (net, copied)]
            assert_same(*(model.get_weights() for model in models))
            assert [model.optimizer.weight_decay for model in models] == [decay, decay]
    assert len(store.templates) == 1


def test_each_step_takes_decay_times_learning_rate_away():
    weights = learned(O.SGD(1e-6, weight_decay=1e5), epochs=1)[1]  # gradients hardly count
    first = learned(O.SGD(1e-30), epochs=1)[1]
    for ours, start in zip(weights, first, strict=True):
        assert_allclose(ours, start * 0.9**6, rtol=1e-3, atol=1e-4)
