"""What was traced is read from disk in place of being traced again, where it is surely the same."""

import keras
import numpy as np
import pytest

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    KerasClassifier,
    TextBoWClassifier,
)
from skdl._common import processes
from skdl._common.xla_cache import XlaCache
from skdl._engine.compiled import template
from skdl._engine.compiled.store import templates
from skdl._engine.compiled.words import is_as_installed, words_of

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
TEXTS = ["good fine day", "bad sad rain", "fine day", "sad day"] * 5
IMAGES = np.random.default_rng(1).random((20, 8, 8, 1)).astype(np.float32)


@pytest.fixture
def traces(tmp_path, monkeypatch):
    """What is traced in a test, which begins with an empty store."""
    for name in ("store", "view"):
        (tmp_path / name).mkdir(mode=0o700)
    cache = XlaCache(tmp_path / "store", tmp_path / "view")
    found = []

    def counted(*arguments):
        found.append(arguments)
        return trace(*arguments)

    trace = template.trace
    monkeypatch.setattr(processes, "xla_cache", cache)
    monkeypatch.setattr(template, "trace", counted)
    templates.clear()
    yield found
    templates.clear()


def bits(net, X):
    outputs = net.predict_proba(X) if hasattr(net, "predict_proba") else net.predict(X)
    history = [value for values in net.history_.values() for value in values]
    weights = [weight.tobytes() for weight in net.model_.get_weights()]
    return [outputs.tobytes(), history, *weights]


def branches(meta):
    inputs = keras.Input((4,))
    one = keras.layers.Dense(3, activation="gelu")(inputs)
    other = keras.layers.Dropout(0.2)(keras.layers.BatchNormalization()(inputs))
    joined = keras.layers.Concatenate()([one, other])
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(joined))


def of_a_function(meta):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, activation=lambda x: keras.ops.tanh(x) * 2),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


DECAY = keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)
CASES = {
    "graph": (lambda: DenseClassifier(3, epochs=2), X, Y),
    "xla": (lambda: DenseClassifier(3, epochs=60, batch_size=7, dropout=0.1, l2=0.01), X, Y),
    "validated": (
        lambda: DenseRegressor(
            (4, 3), epochs=4, early_stopping=True, metrics=["mae"], optimizer="adamw",
            batch_normalization=True,
        ),
        X, X[:, 1],
    ),
    "schedule": (
        lambda: DenseClassifier(
            3, epochs=2, optimizer=keras.optimizers.Adam(DECAY), learning_rate=None
        ),
        X, Y,
    ),
    "own": (lambda: KerasClassifier(branches, epochs=2), X, Y),
    "texts": (lambda: TextBoWClassifier(epochs=2), TEXTS, [1, 0, 1, 0] * 5),
    "images": (lambda: ConvNetClassifier(filters=2, epochs=2), IMAGES, np.arange(20) % 2),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_network_read_from_disk_gives_the_same_bits(traces, case, monkeypatch):
    make, X, y = CASES[case]
    fit = lambda: bits(make().set_params(random_state=0).fit(X, y), X)  # noqa: E731
    first, n_traced = fit(), len(traces)
    assert n_traced >= 2  # training and prediction
    templates.clear()
    assert fit() == first
    assert len(traces) == n_traced
    monkeypatch.setattr(processes, "xla_cache", None)
    templates.clear()
    assert fit() == first
    assert len(traces) > n_traced


def test_a_network_of_a_users_function_is_traced_anew(traces, tmp_path):
    KerasClassifier(of_a_function, epochs=1).fit(X, Y)
    n_traced = len(traces)
    assert n_traced
    assert list((tmp_path / "store").iterdir()) == []
    templates.clear()
    KerasClassifier(of_a_function, epochs=1).fit(X, Y)
    assert len(traces) == 2 * n_traced


def test_what_is_damaged_or_of_another_network_is_traced_anew(traces, tmp_path):
    net = DenseClassifier(3, epochs=2, random_state=0)
    first, n_traced = bits(net.fit(X, Y), X), len(traces)
    for path in (tmp_path / "store").iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    templates.clear()
    assert bits(net.fit(X, Y), X) == first
    assert len(traces) == 2 * n_traced

    templates.clear()
    net.set_params(activation="elu").fit(X, Y)
    net.set_params(hidden_layer_sizes=4).fit(X, Y)
    assert len(traces) == 4 * n_traced - 2  # neither predicts


def test_nothing_is_read_where_keras_was_changed(traces, monkeypatch):
    net = DenseClassifier(3, epochs=2, random_state=0)
    net.fit(X, Y)
    n_traced, call = len(traces), keras.layers.Dense.call

    def doubled(self, inputs, training=None):
        return 2 * call(self, inputs, training)

    monkeypatch.setattr(keras.layers.Dense, "call", doubled)
    templates.clear()
    net.fit(X, Y)
    assert len(traces) == 2 * n_traced
    assert not is_as_installed()


class Unlucky(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.reshape(keras.ops.reshape(inputs, (-1, 7)), (-1, 4))


def unlucky(meta):
    return keras.Sequential([keras.Input((4,)), Unlucky(), keras.layers.Dense(1, "sigmoid")])


def test_an_error_in_a_program_names_the_line_of_a_users_layer():
    with pytest.raises(Exception, match=r"multiple of 7") as raised:
        KerasClassifier(unlucky, epochs=1).fit(X, Y)
    assert f'File "{__file__}", line' in str(raised.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0), (1, True), (1, "1"), ("1", b"1"), ((1,), [1]), ((1, (2,)), ((1, 2),)),
        (0.0, -0.0), (np.dtype("f4"), np.dtype("f8")),
        (keras.activations.relu, keras.activations.elu),
    ],
)  # fmt: skip
def test_keys_that_differ_have_other_words(one, other):
    assert words_of((one,)) != words_of((other,))
    assert words_of((one,)) == words_of((one,))


class Number(float):
    """A number that may act otherwise."""


@pytest.mark.parametrize("value", [lambda x: x, object(), Number(1), Number, np.float64, X, bits])
def test_keys_of_this_process_alone_have_no_words(value):
    assert words_of(("a", (1, value))) is None
