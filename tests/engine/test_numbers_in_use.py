"""Rates and penalties that something else than the network's own layers reads, or shares."""

import functools

import keras
import numpy as np
import pytest
import scipy.sparse
from keras import layers, regularizers
from slow_cases import slow_but

from skdl import KerasClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 4)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)


class Twice(keras.regularizers.Regularizer):
    def __init__(self, inner):
        self.inner = inner

    def __call__(self, weights):
        return 2 * self.inner(weights)

    def get_config(self):
        return {"inner": self.inner}


class Shrunk(keras.constraints.Constraint):
    def __init__(self, regularizer):
        self.regularizer = regularizer

    def __call__(self, weights):
        return weights * (1 - self.regularizer.l2)

    def get_config(self):
        return {"regularizer": self.regularizer}


def network(hidden, *more):
    outputs = layers.Dense(2, activation="softmax")
    return keras.Sequential([keras.Input((4,)), hidden, *more, outputs])


def in_regularizer(number):
    penalty = regularizers.L2(number)
    hidden = layers.Dense(3, kernel_regularizer=penalty)
    return network(hidden, layers.Dense(3, kernel_regularizer=Twice(penalty)))


def in_activity(number):
    penalty = regularizers.L2(number)
    hidden = layers.Dense(3, kernel_regularizer=penalty)
    return network(hidden, layers.Dense(3, activity_regularizer=Twice(penalty)))


def in_constraint(number):
    penalty = regularizers.L2(number)
    return network(layers.Dense(3, kernel_regularizer=penalty, kernel_constraint=Shrunk(penalty)))


def in_partial(number):
    penalty = regularizers.L2(number)
    function = functools.partial(lambda inner, weights: 2 * inner(weights), penalty)
    hidden = layers.Dense(3, kernel_regularizer=penalty)
    return network(hidden, layers.Dense(3, kernel_regularizer=function))


def in_lambda(number):
    hidden = layers.Dense(3, kernel_regularizer=regularizers.L2(number))
    times = layers.Lambda(
        lambda x, layer: x * layer.kernel_regularizer.l2, arguments={"layer": hidden}
    )
    return network(hidden, times)


def rate_in_lambda(number):
    dropout = layers.Dropout(number)
    chosen = layers.Lambda(lambda x, of: x if of.rate == 0.4 else -9 * x, arguments={"of": dropout})
    return network(layers.Dense(3), dropout, chosen)


def fitted(model, number, rows=X, **more):
    net = KerasClassifier(
        model=model, model_params={"number": number}, optimizer=keras.optimizers.SGD(0.01),
        epochs=2, batch_size=8, random_state=0, **more,
    )  # fmt: skip
    return net.fit(rows, y, X_val=rows, y_val=y)


@pytest.mark.parametrize(
    "model",
    slow_but(
        [in_regularizer, in_constraint, rate_in_lambda],
        [in_regularizer, in_activity, in_constraint, in_partial, in_lambda, rate_in_lambda],
    ),
)
def test_numbers_that_the_users_own_code_reads_are_those_of_this_fit(model):
    for number in (0.1, 0.4):  # the second does not share what the first has compiled
        net = fitted(model, number)
        # An activity's penalty depends on the batches of the evaluation.
        loss = net.model_.evaluate(X, y, batch_size=8, verbose=0)
        assert net.history_["val_loss"][-1] == pytest.approx(loss, rel=1e-5)


def shared(number):
    penalty = regularizers.L2(number)
    hidden = layers.Dense(3, kernel_regularizer=penalty, activation="relu")
    more = layers.Dense(3, kernel_regularizer=penalty, activity_regularizer=None)
    return network(hidden, layers.Dropout(0.2), more)


def shared_with_activity(number):
    penalty = regularizers.L2(number)
    return network(layers.Dense(3, kernel_regularizer=penalty, activity_regularizer=penalty))


@pytest.mark.parametrize(
    "model", slow_but([shared_with_activity], [shared, shared_with_activity, in_regularizer])
)
def test_one_penalty_in_several_places_with_sparse_rows(model):
    dense = X * (X > 0.5)
    for number in (0.1, 0.4):
        net, expected = (fitted(model, number, x) for x in (scipy.sparse.csr_matrix(dense), dense))
        for name, values in expected.history_.items():
            np.testing.assert_allclose(net.history_[name], values, rtol=1e-5)


def test_a_rate_of_half_precision_trains_as_by_keras():
    def model(number):
        return network(layers.Dense(16, activation="relu"), layers.Dropout(np.float16(number)))

    class Watched(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            """Have Keras train, which alone calls this."""

    net, by_keras = fitted(model, 0.3), fitted(model, 0.3, callbacks=[Watched()])
    for ours, theirs in zip(net.model_.get_weights(), by_keras.model_.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-7)
