"""Searches on a real Dask cluster of two processes, one of which is killed."""

import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier

distributed = pytest.importorskip("distributed", reason="needs the extra 'distributed'")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 8)).astype(np.float32)
Y = np.arange(150) % 3
X[:, :3] += 2 * np.eye(3, dtype=np.float32)[Y]
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


class Scorer:
    """Score, and leave a line in a file, so that the test sees how far the search is."""

    def __init__(self, path):
        self.path = str(path)

    def __call__(self, fitted, X, y):
        with open(self.path, "a") as file:
            file.write(f"{os.getpid()}\n")
        return {"score": fitted.score(X, y), "pid": float(os.getpid())}

    def pids(self):
        """Return the process of each call so far."""
        if not os.path.exists(self.path):
            return []
        with open(self.path) as file:
            return [int(line) for line in file]

    @property
    def n_calls(self):
        return len(self.pids())


def search(path):
    """Search over twelve fits; return the numbers, the best one's weights, and the processes."""
    net = DenseClassifier(dropout=0.2, epochs=30, batch_size=8, random_state=0)
    grid = {
        "denseclassifier__hidden_layer_sizes": [(8,), (4, 4)],
        "denseclassifier__learning_rate": [0.001, 0.01],
    }
    scorer = Scorer(path)
    found = GridSearchCV(
        make_pipeline(StandardScaler(), net), grid, scoring=scorer, refit="score", cv=3
    ).fit(X, Y)
    numbers = {
        name: values
        for name, values in found.cv_results_.items()
        if "time" not in name and "pid" not in name and "param" not in name
    }
    pids = np.array([found.cv_results_[f"split{i}_test_pid"] for i in range(3)]).astype(int)
    return numbers, found.best_estimator_[-1].model_.get_weights(), set(pids.flat)


def assert_same(one, other):
    assert one[0].keys() == other[0].keys()
    for name, values in one[0].items():
        assert np.isfinite(values).all()
        assert_array_equal(values, other[0][name], name)
    for ours, theirs in zip(one[1], other[1], strict=True):
        assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return search(tmp_path_factory.mktemp("alone") / "scored")


@pytest.fixture(scope="module")
def cluster(alone):
    """A scheduler and two worker processes, each with one thread."""
    before = dict(os.environ)  # Dask writes the workers' variables into this process too
    try:
        with (
            distributed.LocalCluster(
                2, threads_per_worker=1, dashboard_address=None, memory_limit=0
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
    finally:
        os.environ.clear()
        os.environ.update(before)


def search_while_a_worker_dies(path, n_before):
    """Search; once so many fits have been scored, kill a worker that has just scored one."""
    scorer, killed = Scorer(path), []

    def kill():
        while scorer.n_calls < n_before:
            time.sleep(0.005)
        killed.append(scorer.pids()[-1])
        os.kill(killed[0], signal.SIGKILL)
        killed.append(scorer.n_calls)

    killer = threading.Thread(target=kill)
    killer.start()
    # A copy of the data on every worker: joblib alone would give them to one, whose death
    # loses what cannot be computed again.
    with joblib.parallel_config("dask", scatter=[X, Y]):
        found = search(path)
    killer.join(timeout=60)
    pid, n_scored = killed
    assert n_before <= n_scored < 12  # while the search was going on
    return found, pid


def test_a_search_on_a_cluster_gives_the_bits_of_one_process(cluster, alone, tmp_path):
    with joblib.parallel_config("dask"):
        found = search(tmp_path / "scored")
    assert_same(alone, found)
    workers = set(cluster.run(os.getpid).values())
    assert len(workers) == 2
    assert found[2] <= workers
    # From which skdl takes the number of TensorFlow's threads.
    assert set(cluster.run(os.environ.get, "OMP_NUM_THREADS").values()) == {"1"}


def lose_a_worker(cluster, alone, path, n_before):
    cluster.wait_for_workers(2, timeout=60)
    before = set(cluster.run(os.getpid).values())
    found, killed = search_while_a_worker_dies(path, n_before)
    assert_same(alone, found)
    assert killed in before
    cluster.wait_for_workers(2, timeout=60)
    after = set(cluster.run(os.getpid).values())
    assert killed not in after
    assert len(after) == 2  # the killed one was started again


@needs_kill
def test_a_killed_worker_loses_no_result(cluster, alone, tmp_path):
    lose_a_worker(cluster, alone, tmp_path / "scored", 3)


@needs_kill
@pytest.mark.slow
def test_twenty_killed_workers_lose_no_result(cluster, alone, tmp_path):
    """Slow: twenty searches, in each of which a worker is killed and started again."""
    for i, n_before in enumerate(np.random.default_rng(1).integers(1, 10, 20)):
        lose_a_worker(cluster, alone, tmp_path / f"scored{i}", n_before)
