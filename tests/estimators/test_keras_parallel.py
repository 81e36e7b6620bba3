"""Networks of users fitted in threads, and on a Dask cluster, are those fitted one by one."""

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdl import KerasClassifier

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6, 1)).astype(np.float32)
Y = np.argmax(X[:, :3, 0], axis=1)
THREADS = 4


class Projection(L.Layer):
    """A weight that no initialiser decides, but NumPy's global generator."""

    def build(self, shape):
        start = np.random.normal(size=(shape[-1], 3))  # noqa: NPY002
        self.kernel = self.add_weight(shape=start.shape, initializer="zeros")
        self.kernel.assign(start)

    def call(self, x):
        return x @ self.kernel


def recurrent(input_shape, n_outputs, units=4):
    layers = [L.GRU(units), L.Dropout(0.2), L.Dense(n_outputs, "softmax")]
    return keras.Sequential([keras.Input(input_shape), *layers])


def projected(input_shape, n_outputs, scale=1.0):
    noise = np.random.normal(size=input_shape).astype(np.float32)  # noqa: NPY002
    shifted = L.Lambda(lambda x: scale * (x + noise))
    layers = [shifted, Projection(), L.Flatten(), L.Dense(n_outputs, "softmax")]
    return keras.Sequential([keras.Input(input_shape), *layers])


def classifiers():
    """Two of each network with the same parameters, and others, in turns."""
    settings = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01}
    return [
        KerasClassifier(model, model_params=given, random_state=seed, **settings)
        for seed in (0, 0, 1)
        for model, given in [(recurrent, {}), (projected, {}), (recurrent, {"units": 3})]
    ]


def fitted(net):
    net = clone(net).fit(X, Y)
    return net.predict_proba(X), net.history_["loss"]


@pytest.mark.slow
def test_fits_in_threads_are_those_one_by_one():
    nets = classifiers()
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(fitted, nets))  # first, so that threads make the programs
    for ours, net in zip(found, nets, strict=True):
        probabilities, losses = fitted(net)
        assert_array_equal(ours[0], probabilities)
        assert ours[1] == losses
    assert_array_equal(found[0][0], found[3][0])
    assert (found[0][0] != found[6][0]).any()


def test_other_threads_take_no_numbers_of_a_fit():
    """As the event loop of a Dask worker did, which draws from Python's global generator."""
    expected, stop = fitted(classifiers()[0]), threading.Event()

    def draw():
        while not stop.wait(0.0002):
            random.random()

    drawing = threading.Thread(target=draw)
    drawing.start()
    try:
        found = fitted(classifiers()[0])
    finally:
        stop.set()
        drawing.join()
    assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1]


def test_one_estimator_predicts_in_threads():
    net = classifiers()[0].fit(X, Y)
    expected = net.predict_proba(X)
    again = joblib.hash(net.get_params()["model_params"])  # nothing is changed by it
    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(lambda _: net.predict_proba(X), range(8)):
            assert_array_equal(found, expected)
    assert joblib.hash(net.get_params()["model_params"]) == again


@pytest.mark.slow
@pytest.mark.processes
def test_a_search_on_a_dask_cluster_gives_the_bits_of_one_process():
    distributed = pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    grid = {"model": [recurrent, projected], "random_state": [0, 1]}
    search = GridSearchCV(classifiers()[0], grid, cv=2, scoring="neg_log_loss")
    alone = clone(search).fit(X, Y)
    before = dict(os.environ)  # Dask writes the workers' variables into this process too
    try:
        with (
            distributed.LocalCluster(
                2, threads_per_worker=1, dashboard_address=":0", memory_limit=0
            ) as cluster,
            distributed.Client(cluster),
            joblib.parallel_config("dask"),
        ):
            found = clone(search).fit(X, Y)
    finally:
        os.environ.clear()
        os.environ.update(before)
    for split in range(2):
        name = f"split{split}_test_score"
        assert_array_equal(found.cv_results_[name], alone.cv_results_[name])
    assert_array_equal(found.predict_proba(X), alone.predict_proba(X))
