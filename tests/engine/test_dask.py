"""Searches on a real Dask cluster of two processes, one of which is killed."""

import os
import signal
from itertools import chain
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier

distributed = pytest.importorskip("distributed", reason="needs the extra 'distributed'")
dask = pytest.importorskip("dask")
pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 8)).astype(np.float32)
Y = np.arange(300) % 3
X[:, :3] += 2 * np.eye(3, dtype=np.float32)[Y]
FOLDS = list(StratifiedKFold(3).split(X, Y))
# What the guide's page on Dask sets and scatters, so that a worker's death loses nothing.
SETTINGS = {
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.deploy.lost-worker-timeout": "1h",
}
SCATTERED = [X, Y, *chain(*FOLDS)]
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


class Scorer:
    """Score; the process that scores for the n-th time in a search is killed, if there is an n."""

    def __init__(self, folder, n=None):
        self.scored, self.killed, self.n = Path(folder, "scored"), Path(folder, "killed"), n

    def __call__(self, fitted, X, y):
        with self.scored.open("a") as file:
            file.write("1")
        if self.n is not None and self.scored.stat().st_size >= self.n:
            self.kill()
        return {"score": fitted.score(X, y), "pid": float(os.getpid())}

    def kill(self):
        """Kill this process, unless one was killed before."""
        try:
            file = self.killed.open("x")
        except FileExistsError:
            return
        with file:
            file.write(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)


def search(scorer):
    """Search over twelve fits; return the numbers, the best one's weights, and the processes."""
    net = DenseClassifier(dropout=0.2, epochs=15, batch_size=8, random_state=0)
    grid = {
        "denseclassifier__hidden_layer_sizes": [(8,), (4, 4)],
        "denseclassifier__learning_rate": [0.001, 0.01],
    }
    found = GridSearchCV(
        make_pipeline(StandardScaler(), net), grid, scoring=scorer, refit="score", cv=FOLDS
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
    return search(Scorer(tmp_path_factory.mktemp("alone")))


@pytest.fixture(scope="module")
def cluster(alone):
    """A scheduler and two worker processes, each with one thread."""
    before = dict(os.environ)  # Dask writes the workers' variables into this process too
    try:
        with (
            dask.config.set(SETTINGS),
            distributed.LocalCluster(
                2, threads_per_worker=1, dashboard_address=":0", memory_limit=0
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_a_search_on_a_cluster_gives_the_bits_of_one_process(cluster, alone, tmp_path):
    with joblib.parallel_config("dask"):
        found = search(Scorer(tmp_path))
    assert_same(alone, found)
    workers = set(cluster.run(os.getpid).values())
    assert len(workers) == 2
    assert found[2] <= workers
    # From which skdl takes the number of TensorFlow's threads.
    assert set(cluster.run(os.environ.get, "OMP_NUM_THREADS").values()) == {"1"}


def lose_a_worker(cluster, alone, folder, n):
    """Search; the worker that scores for the n-th time dies. Wait until it is there again."""
    before = set(cluster.run(os.getpid).values())
    scorer = Scorer(folder, n)
    with joblib.parallel_config("dask", scatter=SCATTERED):
        copies = [set(workers) for workers in cluster.who_has().values()]
        found = search(scorer)
    assert len(copies) >= 4
    assert copies == [set(copies[0])] * len(copies)
    assert len(copies[0]) == 2  # of everything on both workers
    assert_same(alone, found)
    killed = int(scorer.killed.read_text())
    assert killed in before
    cluster.wait_for_workers(2, timeout=300)
    after = set(cluster.run(os.getpid).values())
    assert killed not in after
    assert len(after) == 2  # the killed one was started again


@needs_kill
def test_a_killed_worker_loses_no_result(cluster, alone, tmp_path):
    lose_a_worker(cluster, alone, tmp_path, 3)


@needs_kill
def test_twenty_killed_workers_lose_no_result(cluster, alone, tmp_path):
    """Twenty searches, in each of which a worker is killed and started again."""
    for i, n in enumerate(np.random.default_rng(1).integers(1, 13, 20)):
        folder = tmp_path / str(i)
        folder.mkdir()
        lose_a_worker(cluster, alone, folder, n)
