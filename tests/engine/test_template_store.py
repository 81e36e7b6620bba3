"""Compiled programs are shared by fits that are alike, in any order and thread, and given back."""

import gc
import threading
import warnings

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from slow_cases import slow_but
from training_data import make_data

from skdl import ConvNetClassifier, DenseClassifier
from skdl._engine.compiled import store
from skdl._engine.compiled.store import TemplateStore


def test_folds_of_similar_size_and_other_epochs_share_programs():
    store.templates.clear()
    X, y, _ = make_data("multiclass", 400)
    for n_rows, epochs, rate in [(399, 20, 0.01), (400, 40, 0.1), (390, 10, None)]:
        DenseClassifier(
            (8,), epochs=epochs, batch_size=10, learning_rate=rate, random_state=epochs
        ).fit(X[:n_rows], y[:n_rows])
    assert len(store.templates) == 1
    (template,) = store.templates._templates.values()
    jitted = [key for key in template._programs if key[0] == "loop"]
    assert len(jitted) == 1


@pytest.mark.parametrize("kind", slow_but(["dense"], ["dense", "sparse", "convolutional"]))
def test_what_the_store_drops_is_freed(kind):
    X, y = np.random.default_rng(0).random((40, 16)), np.arange(40) % 2
    if kind == "sparse":
        X = scipy.sparse.csr_array(X * (X > 0.5))

    import tensorflow as tf

    def n_graphs(size):
        net = ConvNetClassifier(size) if kind == "convolutional" else DenseClassifier(size)
        net.set_params(epochs=1, validation_split=0.2).fit(X, y).predict(X)
        store.templates.clear()
        gc.collect()
        # By type: `isinstance` would ask objects of other packages for their class, which may warn.
        return sum(issubclass(type(each), tf.Graph) for each in gc.get_objects())

    before, after = n_graphs(5), n_graphs(6)
    assert after == before


def test_store_is_bounded():
    class Sized:
        n_bytes = 40

    store = TemplateStore(size=3, n_bytes=100)
    for key in "abcab":
        store.get(key, Sized)
    assert len(store) == 2  # by bytes
    store = TemplateStore(size=3, n_bytes=1000)
    first = store.get("a", Sized)
    for key in "bcda":
        store.get(key, Sized)
    assert len(store) == 3  # by number
    assert store.get("a", Sized) is not first
    assert len(TemplateStore(n_bytes=1)._templates) == 0
    assert TemplateStore(n_bytes=1).get("large", Sized)


@pytest.mark.slow
def test_warm_and_cold_store_and_any_order_give_equal_bits():
    X, y, _ = make_data("multiclass", 200)
    settings = [
        {"hidden_layer_sizes": (units,), "dropout": rate, "epochs": epochs}
        for units, rate, epochs in [(4, 0.0, 2), (4, 0.3, 12), (9, 0.0, 12), (9, 0.3, 2)]
    ]

    def probabilities(parameters):
        net = DenseClassifier(batch_size=16, random_state=5, **parameters).fit(X, y)
        return net.predict_proba(X)

    cold = []
    for parameters in settings:
        store.templates.clear()
        cold.append(probabilities(parameters))
    warm = [probabilities(parameters) for parameters in settings]
    backwards = [probabilities(parameters) for parameters in settings[::-1]][::-1]
    for first, second, third in zip(cold, warm, backwards, strict=True):
        assert_array_equal(first, second)
        assert_array_equal(first, third)


def test_two_threads_fit_as_one():
    X, y, _ = make_data("multiclass", 200)
    seeds = range(8)

    def fit(seed):
        net = DenseClassifier((8,), dropout=0.2, epochs=15, batch_size=16, random_state=seed)
        return net.fit(X, y).predict_proba(X)

    store.templates.clear()
    found = {}
    threads = [
        threading.Thread(target=lambda s=s: found.update({seed: fit(seed) for seed in s}))
        for s in (seeds[::2], seeds[1::2])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in seeds:
        assert_array_equal(found[seed], fit(seed))


def test_the_choice_of_program_depends_on_the_work_alone():
    X, y, _ = make_data("multiclass", 320)

    def choices():
        nets = [
            DenseClassifier((8,), epochs=epochs, batch_size=10) for epochs in (1, 3, 10, 11, 20)
        ]
        return [net.fit(X, y).training_program_ for net in nets]

    cold, warm = choices(), choices()
    assert cold == warm == ["graph"] * 3 + ["xla"] * 2


def test_no_retracing_warning(caplog):
    X, y, _ = make_data("multiclass", 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for units in range(1, 8):  # TensorFlow warns from the fifth time on
            DenseClassifier((units,), epochs=2, batch_size=8).fit(X, y).predict(X)
    assert "retracing" not in caplog.text
