"""What was traced is read from disk in place of being traced again, where it is surely the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    KerasClassifier,
    TextBoWClassifier,
)
from skdl._common import processes
from skdl._common.xla_cache import XlaCache
from skdl._engine.compiled import epoch_loop, template
from skdl._engine.compiled.fingerprint import environment, fingerprint_of
from skdl._engine.compiled.store import templates
from skdl._engine.compiled.unpatched import are_unpatched

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
TEXTS = ["good fine day", "bad sad rain", "fine day", "sad day"] * 5
IMAGES = np.random.default_rng(1).random((20, 8, 8, 1)).astype(np.float32)


class CountingCache(XlaCache):
    """Counts what was asked for."""

    n_found = n_missing = 0

    def read(self, name):
        content = super().read(name)
        if content is None:
            self.n_missing += 1
        else:
            self.n_found += 1
        return content

    @property
    def n_files(self):
        return len(list(self.store.iterdir()))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The store of a test, empty at first."""
    for name in ("store", "view"):
        (tmp_path / name).mkdir(mode=0o700)
    cache = CountingCache(tmp_path / "store", tmp_path / "view")
    monkeypatch.setattr(processes, "xla_cache", cache)
    templates.clear()
    yield cache
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
def test_a_network_read_from_disk_gives_the_same_bits(cache, case, monkeypatch):
    make, X, y = CASES[case]
    fit = lambda: bits(make().set_params(random_state=0).fit(X, y), X)  # noqa: E731
    first, n_traced = fit(), cache.n_missing
    assert n_traced >= 2  # training and prediction
    assert cache.n_found == 0
    templates.clear()
    assert fit() == first
    assert (cache.n_found, cache.n_missing) == (n_traced, n_traced)
    monkeypatch.setattr(processes, "xla_cache", None)
    templates.clear()
    assert fit() == first


def test_a_network_of_a_users_function_is_not_kept(cache):
    KerasClassifier(of_a_function, epochs=1).fit(X, Y)
    templates.clear()
    KerasClassifier(of_a_function, epochs=1).fit(X, Y)
    assert (cache.n_files, cache.n_found, cache.n_missing) == (0, 0, 0)


def test_what_is_damaged_or_of_another_network_is_traced_anew(cache):
    net = DenseClassifier(3, epochs=2, random_state=0)
    first, n_traced = bits(net.fit(X, Y), X), cache.n_missing
    for path in cache.store.iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    templates.clear()
    assert bits(net.fit(X, Y), X) == first
    assert (cache.n_found, cache.n_missing) == (0, 2 * n_traced)

    templates.clear()
    net.set_params(activation="elu").fit(X, Y)
    net.set_params(hidden_layer_sizes=4).fit(X, Y)
    assert cache.n_found == 0


def test_a_file_that_cannot_be_read_is_ignored(cache):
    net = DenseClassifier(3, epochs=2, random_state=0)
    first = bits(net.fit(X, Y), X)
    for path in list(cache.store.iterdir()):
        path.unlink()
        cache.write(path.name.partition(".")[0], b"{}\n no definitions")
    templates.clear()
    assert bits(net.fit(X, Y), X) == first
    assert cache.n_found


def dense_call(self, inputs, training=None):
    return keras.ops.matmul(inputs, self.kernel) * 2


class CallableObject:
    def __call__(self, inputs):
        return inputs


class OtherDense(keras.layers.Dense):
    """A layer of the same name for all that a configuration tells."""


PATCHES = [
    (keras.layers.Dense, "call", dense_call),
    (keras.layers.Dense, "call", CallableObject()),
    (keras.layers, "Dense", OtherDense),
    (tf, "matmul", lambda *arguments, **others: None),
    (tf.nn, "relu", lambda x: x),
    (epoch_loop, "batch_loop", lambda *arguments: None),
]


@pytest.mark.parametrize(("thing", "name", "value"), PATCHES)
def test_patched_libraries_are_found_out(monkeypatch, thing, name, value):
    DenseClassifier(3, epochs=1).fit(X, Y)
    assert are_unpatched()
    monkeypatch.setattr(thing, name, value)
    assert not are_unpatched()


def test_constants_of_ours_belong_to_the_environment(monkeypatch):
    before = environment()
    monkeypatch.setattr(template, "ROW_MULTIPLE", 16)
    assert environment() != before


def test_what_is_traced_while_keras_is_patched_is_neither_read_nor_kept(cache, monkeypatch):
    net = DenseClassifier(3, epochs=2, random_state=0).fit(X, Y)
    n_files = cache.n_files
    with monkeypatch.context() as patched:
        patched.setattr(tf.nn, "relu", lambda x: 2 * x)
        doubled = net.predict_proba(X)  # by a program that was not traced yet
    assert cache.n_files == n_files
    templates.clear()
    expected = net.predict_proba(X)
    assert cache.n_found == 0
    assert not np.allclose(doubled, expected)
    templates.clear()
    np.testing.assert_array_equal(net.predict_proba(X), expected)
    assert cache.n_found == 1


FACTOR = 1.0


@keras.saving.register_keras_serializable("tests")
class Falling(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.01 * FACTOR

    def get_config(self):
        return {}


@keras.saving.register_keras_serializable("tests")
def of_factor(weights):
    return FACTOR * 0.1 * keras.ops.sum(weights**2)


@pytest.mark.parametrize(
    "arguments",
    [
        lambda: {"optimizer": keras.optimizers.Adam(Falling()), "learning_rate": None},
        lambda: {"activation": keras.layers.PReLU(alpha_regularizer=of_factor)},
    ],
)
def test_what_users_have_registered_is_looked_into(cache, monkeypatch, arguments):
    def fit():
        return bits(DenseRegressor(3, epochs=2, random_state=0, **arguments()).fit(X, X[:, 1]), X)

    first = fit()
    assert cache.n_files == 0
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    changed = fit()
    assert changed != first
    templates.clear()
    assert fit() == changed


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
def test_keys_that_differ_have_other_fingerprints(one, other):
    assert fingerprint_of((one,)) != fingerprint_of((other,))
    assert fingerprint_of((one,)) == fingerprint_of((one,))


class Number(float):
    """A number that may act otherwise."""


@pytest.mark.parametrize("value", [lambda x: x, object(), Number(1), Number, np.float64, X, bits])
def test_keys_of_this_process_alone_have_no_fingerprint(value):
    assert fingerprint_of(("a", (1, value))) is None
