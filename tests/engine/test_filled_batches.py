"""A last, smaller batch trained by XLA is worth what it is worth in the graph program."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from slow_cases import slow_but

from skdl import DenseRegressor, KerasClassifier, KerasRegressor
from skdl._engine.compiled import programs

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 64)
X = (RNG.normal(size=(64, 5)) + LABELS[:, None]).astype(np.float32)
BATCH_SIZE = 24  # 64 rows fill their bucket, so that the last batch reaches beyond it
WEIGHTS = RNG.uniform(0.5, 2, 64)

layers = keras.layers


def plain(x):
    x = layers.LeakyReLU()(layers.Dense(6, kernel_regularizer="l2")(x))
    return layers.Dense(5, activation="tanh")(layers.LayerNormalization()(x))


def joined(x):
    parts = [layers.Dense(4, activation="gelu")(x), layers.Dense(4, activation="relu")(x)]
    within = keras.Sequential([keras.Input((8,)), layers.Dense(5, "selu"), layers.Dropout(0.3)])
    return within(layers.Concatenate()(parts))


def softmax_over_the_batch(x):
    return layers.Dense(6, activation=layers.Softmax(axis=0))(x)


def rows_less_their_mean(x):
    return layers.Dense(6, lambda x: x - keras.ops.mean(x, axis=0), use_bias=False)(x)


def operation_over_the_batch(x):
    return x / keras.ops.max(keras.ops.abs(x), axis=0, keepdims=True)


def batch_normalization_within(x):
    return keras.Sequential([keras.Input((5,)), layers.BatchNormalization()])(x)


class LessTheirMean(keras.Model):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0)


class FunctionalLessTheirMean(keras.Model):
    def call(self, x, training=None, mask=None):
        return super().call(x) - keras.ops.mean(x)


def network_of_a_class_within(x):
    return LessTheirMean()(x)


def network_with_a_call_within(x):
    inputs = keras.Input((5,))
    return FunctionalLessTheirMean(inputs, layers.Dense(5, "relu")(inputs))(x)


def activity_regularizer(x):
    return layers.Dense(6, activation="relu", activity_regularizer="l1")(x)


ROW_BY_ROW = [plain, joined]
MIXING = [
    softmax_over_the_batch,
    rows_less_their_mean,
    operation_over_the_batch,
    batch_normalization_within,
    network_of_a_class_within,
    network_with_a_call_within,
    activity_regularizer,
]


def by_both_programs(monkeypatch, make, *data, **arguments):
    """Return networks that a graph and XLA have trained."""
    nets = []
    for program in "graph", "xla":
        monkeypatch.setattr(programs, "choose_program", lambda *args, program=program: program)
        nets.append(make().fit(*data, **arguments))
        assert nets[-1].training_program_ == program
    return nets


def assert_close(one, other):
    assert one.history_.keys() == other.history_.keys()
    for key, values in one.history_.items():
        assert_allclose(other.history_[key], values, rtol=2e-5, err_msg=key)
    for ours, theirs in zip(one._network.state, other._network.state, strict=True):
        assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("part", slow_but((plain, operation_over_the_batch), ROW_BY_ROW + MIXING))
def test_a_smaller_batch_is_the_mean_of_its_own_rows(part, monkeypatch):
    def build():
        inputs = keras.Input((5,))
        return keras.Model(inputs, layers.Dense(3, activation="softmax")(part(inputs)))

    metrics = ["accuracy", "sparse_categorical_crossentropy"]
    one, other = by_both_programs(
        monkeypatch,
        lambda: KerasClassifier(
            build, metrics=metrics, epochs=6, batch_size=BATCH_SIZE, random_state=0
        ),
        X,
        LABELS,
        sample_weight=WEIGHTS,
    )
    assert_close(one, other)
    assert other._network._template(False).fills == (part in ROW_BY_ROW)


def test_weighted_metrics_are_means_by_the_weights_of_rows(monkeypatch):
    def build():
        net = keras.Sequential([keras.Input((5,)), layers.Dense(4, "relu"), layers.Dense(1)])
        net.compile("adam", "mse", metrics=["mae"], weighted_metrics=["mae"], loss_weights=0.5)
        return net

    one, other = by_both_programs(
        monkeypatch,
        lambda: KerasRegressor(build, epochs=3, batch_size=BATCH_SIZE, random_state=0),
        X,
        X[:, 0] * 2,
        sample_weight=np.linspace(0, 3, 64),
    )
    assert other._network._template(False).fills
    assert len(one.history_) == 3
    assert_close(one, other)


def mean_over_the_batch(y, outputs):
    return keras.ops.mean(keras.ops.square(y - outputs)) ** 2


def test_rows_of_a_class_that_is_ignored_are_no_part_of_a_mean(monkeypatch):
    def build():
        hidden = layers.Dense(4, "relu")
        return keras.Sequential([keras.Input((5,)), hidden, layers.Dense(3, "softmax")])

    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=0)
    one, other = by_both_programs(
        monkeypatch,
        lambda: KerasClassifier(build, loss=loss, epochs=3, batch_size=BATCH_SIZE, random_state=0),
        X,
        LABELS,
        X_val=X,
        y_val=LABELS,
    )
    assert not other._network._template(False).fills
    assert_close(one, other)
    # As Keras does, batch by batch: the mean over the rows that count in each.
    model = one.model_
    model.compile(loss=loss)
    val_loss = model.evaluate(X, LABELS, batch_size=BATCH_SIZE, verbose=0)
    assert_allclose(one.history_["val_loss"][-1], val_loss, rtol=1e-5)


def test_a_large_batch_is_not_filled_for_a_few_rows(monkeypatch):
    filled = []
    epochs = programs.Template.epochs

    def seen(template, rows, size=None, rest=False, fills=False, *others):
        filled.append(fills)
        return epochs(template, rows, size, rest, fills, *others)

    monkeypatch.setattr(programs.Template, "epochs", seen)
    monkeypatch.setattr(programs, "choose_program", lambda *args: "xla")
    for n_rows, fills in (103, False), (150, True):
        rows = RNG.normal(size=(n_rows, 5)).astype(np.float32)
        filled.clear()
        DenseRegressor((4,), batch_size=100, epochs=2).fit(rows, rows[:, 0])
        assert set(filled) == {fills}


# The loss of one is no mean of rows, the metric of another none either.
MEASURED = [
    ("huber", ["mae", "mape"], True),
    (keras.losses.MeanSquaredError(reduction="sum"), None, False),
    (mean_over_the_batch, None, False),
    ("mse", ["r2_score"], False),
    ("mse", [keras.metrics.RootMeanSquaredError()], False),
]


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "metrics", "fills"), MEASURED)
def test_losses_and_metrics_that_are_no_means_of_rows_see_no_filling(
    loss, metrics, fills, monkeypatch
):
    def build():
        return keras.Sequential([keras.Input((5,)), layers.Dense(4, "relu"), layers.Dense(1)])

    one, other = by_both_programs(
        monkeypatch,
        lambda: KerasRegressor(
            build,
            loss=loss,
            metrics=metrics,
            optimizer=keras.optimizers.SGD(0.001, momentum=0.9),
            epochs=5,
            batch_size=BATCH_SIZE,
            random_state=0,
        ),
        X,
        X[:, 0] + 2.0,
    )
    assert_close(one, other)
    assert other._network._template(False).fills == fills
