"""Searches on all cores, threads, forks: the same results as one job, and no more than a share."""

import concurrent.futures
import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from pathlib import Path

import fits_in_threads
import joblib
import numpy as np
import pytest
import scipy.sparse
from fits_in_threads import bits_of_all
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import ConvNetClassifier, DenseClassifier, DenseRegressor
from skdl._common import processes

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 64)).astype(np.float32)
Y = np.arange(120) % 3
X[:, :3] += 2 * np.eye(3, dtype=np.float32)[Y]
WORDS = scipy.sparse.random_array((120, 300), density=0.05, format="csr", random_state=0)

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
counts_threads = pytest.mark.skipif(
    not os.path.isdir("/proc/self/task"), reason="counts threads in /proc"
)


def weights(fitted):
    """Return all weights of an estimator, or of the one at the end of a Pipeline."""
    return getattr(fitted, "steps", [("", fitted)])[-1][1].model_.get_weights()


def tell(fitted, X, y):
    """Score, and tell the bits of the weights and of what they predict, and where it was."""
    bits = b"".join(w.tobytes() for w in weights(fitted)) + fitted.predict_proba(X).tobytes()
    threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
    return {
        "score": fitted.score(X, y),
        "bits": float(zlib.crc32(bits)),
        "pid": float(os.getpid()),
        "threads": float(threads),
    }


def search(estimator, grid, X, y=Y, **kwargs):
    return GridSearchCV(
        estimator, grid, scoring=tell, refit="score", cv=3, return_train_score=True, **kwargs
    ).fit(X, y)


def told(fitted, what):
    return np.array([fitted.cv_results_[f"split{i}_test_{what}"] for i in range(3)])


def assert_same(one, other):
    for split in ("test", "train"):
        for what in ("score", "bits"):
            names = [f"split{i}_{split}_{what}" for i in range(3)]
            for name in names:
                assert_array_equal(one.cv_results_[name], other.cv_results_[name], name)
    for ours, theirs in zip(
        weights(one.best_estimator_), weights(other.best_estimator_), strict=True
    ):
        assert_array_equal(ours, theirs)
    assert one.best_params_ == other.best_params_


def dense():
    net = DenseClassifier(dropout=0.2, epochs=12, batch_size=8, early_stopping=True)
    pipeline = make_pipeline(StandardScaler(), net.set_params(random_state=0))
    return pipeline, {
        "denseclassifier__hidden_layer_sizes": [(8,), (6, 6)],
        "denseclassifier__learning_rate": [0.001, 0.01],
    }


def sparse():
    net = DenseClassifier((8,), epochs=3, random_state=0)
    return net, {"hidden_layer_sizes": [(4,), (8,)]}


@pytest.mark.processes(workers=True)
def test_two_processes_and_two_threads_give_the_bits_of_one_job():
    """Several searches in two workers, which are started once."""
    for make, X_made in ((dense, X), (sparse, WORDS)):
        estimator, grid = make()
        alone = search(estimator, grid, X_made)
        processes = search(estimator, grid, X_made, n_jobs=2)
        assert_same(alone, processes)
        assert os.getpid() not in told(processes, "pid")
        with joblib.parallel_config("threading", n_jobs=2):
            assert_same(alone, search(estimator, grid, X_made))
        if make is dense:
            assert len(np.unique(told(alone, "bits"))) == 12
            again = search(estimator, grid, X_made, n_jobs=2)  # the workers are warm now
            assert_same(alone, again)
            assert len(np.unique([told(processes, "pid"), told(again, "pid")])) <= 2
            assert told(again, "threads").max() <= told(processes, "threads").max()
    # What comes back are weights and the state of Adam, two values a weight; no programs.
    fitted = DenseClassifier((50,), epochs=2, random_state=0).fit(X, Y)
    small = 3 * sum(w.nbytes for w in fitted.model_.get_weights()) + 10_000
    assert len(pickle.dumps(fitted)) < small
    fitted.predict_proba(X)
    assert len(pickle.dumps(fitted)) < small
    (back,) = joblib.Parallel(n_jobs=2)([joblib.delayed(fitted.fit)(X, Y)])
    assert len(pickle.dumps(back)) < small


@pytest.mark.slow
@pytest.mark.processes
def test_any_number_of_threads_gives_the_same_bits():
    """TensorFlow and XLA would take long sums in as many parts as there are threads.

    Of which this process has one, as `conftest.py` says. Slow for networks of long sums, trained
    in two processes.
    """
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "1"
    program = Path(fits_in_threads.__file__).read_text()
    alone, many = bits_of_all(), run(program, TF_NUM_INTRAOP_THREADS="4")
    assert [program for program, *_ in alone] == ["graph"] * 6 + ["xla"] * 2
    assert alone == many


@pytest.mark.slow
@pytest.mark.processes(workers=True)
def test_convolutions_give_the_bits_of_one_job():
    """Slow for the start of two workers."""
    net = ConvNetClassifier((4,), epochs=2, hidden_layer_sizes=(), random_state=0)
    grid = {"filters": [(4,), (3, 3)], "padding": ["valid", "same"]}
    alone = search(net, grid, X)
    with joblib.parallel_config("threading", n_jobs=2):
        assert_same(alone, search(net, grid, X))
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert_same(alone, search(net, grid, X))


@pytest.mark.slow
@pytest.mark.processes(workers=True)
def test_wide_layers_give_the_bits_of_one_job():
    """Slow: trains until XLA is chosen for batches of 400 rows, in three processes."""
    X = RNG.normal(size=(600, 300)).astype(np.float32)
    y = np.arange(600) % 3
    net = DenseClassifier((300, 300), dropout=0.1, random_state=0)
    grid = [{"batch_size": [16], "epochs": [14]}, {"batch_size": [400], "epochs": [350]}]
    alone = search(net, grid, X, y)
    assert alone.best_estimator_.training_program_ == "xla"
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert_same(alone, search(net, grid, X, y))


@pytest.mark.slow
def test_products_of_many_sizes_in_any_number_of_threads():
    """Slow: compiles a thousand products, in each of four processes."""
    script = """
        import itertools, json, zlib
        import numpy as np
        from skdl._engine.compiled import kernels
        import tensorflow as tf

        products = [
            tf.function(kernels._product_of_rows, jit_compile=True),
            tf.function(kernels._sum_of_rows, jit_compile=True),
            tf.function(lambda u, kernel: tf.matmul(u, kernel, transpose_b=True), jit_compile=True),
        ]
        rng, bits = np.random.default_rng(0), {}
        values = rng.normal(size=2_000_000).astype(np.float32)
        many_rows, many_units = (2, 8, 16, 32, 33, 50, 64, 200, 401), (3, 64, 65, 300, 1000)
        sizes = many_rows, (20, 100, 300, 784, 2000), many_units
        for rows, size, units in itertools.product(*sizes):
            shapes = (rows, size), (size, units), (rows, units)
            x, kernel, u = (tf.constant(values[: a * b].reshape(a, b)) for a, b in shapes)
            for i, inputs in enumerate([(x, kernel), (x, u), (u, kernel)]):
                bits[str((rows, size, units, i))] = zlib.crc32(products[i](*inputs).numpy())
        print(json.dumps(bits))
    """
    alone, *others = [run(script, TF_NUM_INTRAOP_THREADS=str(n)) for n in (1, 2, 4, 8)]
    assert all(other == alone for other in others)


def run(script, *arguments, **environment):
    """Run a script in a fresh process, which must not hang; return what it printed as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env={k: v for k, v in os.environ.items() if "NUM_THREADS" not in k and "TF_" not in k}
        | {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        | environment,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


COUNT = """
    import json, os, sys
    if "config" in sys.argv:
        import tensorflow as tf
        tf.config.threading.set_intra_op_parallelism_threads(2)
    found = {k: v for k, v in os.environ.items() if "NUM" in k or "GROWTH" in k}
    from skdl import DenseClassifier
    DenseClassifier(epochs=1).fit([[0.0], [1.0]] * 20, [0, 1] * 20)
    left = {k: v for k, v in os.environ.items() if "NUM" in k or "GROWTH" in k}
    assert left == found, left
    print(len(os.listdir("/proc/self/task")))
"""


@counts_threads
@pytest.mark.slow
@pytest.mark.processes
def test_workers_start_no_more_threads_than_their_share():
    one = run(COUNT, OMP_NUM_THREADS="1")
    # One pool computes parts of an operation, the other operations side by side.
    assert run(COUNT, OMP_NUM_THREADS="3,1") == one + 2 * 2
    # What the user sets wins, by either way.
    assert run(COUNT, "config", OMP_NUM_THREADS="7", TF_NUM_INTEROP_THREADS="2") == one + 2


@pytest.mark.parametrize("found", ["", "0", "many", "-2"])
def test_a_share_that_is_no_number_is_left_to_tensorflow(found, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", found)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    before = dict(os.environ)
    with processes.modest_start():
        assert "TF_NUM_INTRAOP_THREADS" not in os.environ
    assert dict(os.environ) == before


@pytest.mark.parametrize("found", [None, "false"])
def test_memory_of_a_gpu_grows_unless_the_user_says_otherwise(found, monkeypatch):
    """Needs no GPU: what TensorFlow reads when it finds one."""
    name = "TF_FORCE_GPU_ALLOW_GROWTH"
    monkeypatch.delenv(name, raising=False)
    if found is not None:
        monkeypatch.setenv(name, found)
    with processes.modest_start():
        assert os.environ[name] == (found or "true")
    assert os.environ.get(name) == found


FORKS = """
    import json, multiprocessing, os, sys, warnings
    import joblib
    from skdl import DenseClassifier
    from skdl._common import processes
    warnings.simplefilter("ignore")  # Python 3.12 warns of forks with threads
    multiprocessing.set_start_method("fork")  # as on Linux before Python 3.14
    X, y = [[0.0], [1.0]] * 20, [0, 1] * 20
    net = DenseClassifier(epochs=1)

    def attempt(i):
        if i is None:
            processes.check_process()
            return "worked"
        for method in (net.fit, net.partial_fit) if i == 0 else (net.predict_proba,):
            try:
                method(*([X, y] if i == 0 else [X]))
            except RuntimeError as error:
                return str(error)
        return "worked"

    def in_a_fork(i):
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.write(writing, attempt(i).encode())
            os._exit(0)
        os.close(writing)
        os.wait()
        return os.read(reading, 10000).decode()

    assert in_a_fork(None) == "worked"
    import keras, tensorflow  # which makes no devices yet
    before = in_a_fork(0)
    keras.ops.zeros(3)
    by_keras_alone = in_a_fork(0)
    net.fit(X, y)
    with multiprocessing.Pool(1) as pool:
        pooled = pool.map(attempt, [0, 1])
    jobs = [joblib.delayed(net.predict)(X) for _ in range(2)]
    try:
        by_joblib = joblib.Parallel(2, backend="multiprocessing")(jobs)
    except RuntimeError as error:
        by_joblib = str(error)
    forked = [by_keras_alone, in_a_fork(0), in_a_fork(1), *pooled, by_joblib]
    print(json.dumps([before, *forked, attempt(0)]))
"""


@needs_fork
@pytest.mark.slow  # for the start of a process, and of several more from there
@pytest.mark.processes
def test_a_fork_raises_where_it_would_hang():
    before, *forked, parent = run(FORKS)
    assert before == parent == "worked"
    assert len(forked) == 6
    for message in forked:
        assert "forked" in message
        assert "loky" in message


def work_in_threads(seconds, n_threads=20):
    """Predict with one estimator and fit others in threads; return the number of each."""
    shared = DenseClassifier((8,), epochs=3, random_state=0).fit(X, Y)
    makers = [
        lambda seed: DenseClassifier((6,), dropout=0.2, epochs=10, batch_size=8, random_state=seed),
        lambda seed: DenseRegressor((5, 5), epochs=2, random_state=seed),
        lambda seed: DenseClassifier((4,), batch_normalization=True, epochs=2, random_state=seed),
    ]
    expected = {
        (kind, seed): make(seed).fit(X, Y).predict(X)
        for kind, make in enumerate(makers)
        for seed in range(3)
    }
    probabilities = {n_rows: shared.predict_proba(X[:n_rows]) for n_rows in (1, 7, 120)}
    fresh = pickle.loads(pickle.dumps(shared))  # its variables are made by whoever is first
    stop, counts, started = time.monotonic() + seconds, [0, 0], threading.Barrier(n_threads)

    def work(number):
        started.wait()
        random, done = np.random.default_rng(number), [0, 0]
        while not sum(done) or time.monotonic() < stop:
            fits = bool(random.integers(2)) if number % 2 else False
            if fits:
                kind, seed = int(random.integers(len(makers))), int(random.integers(3))
                fitted = makers[kind](seed).fit(X, Y)
                assert_array_equal(fitted.predict(X), expected[kind, seed])
            else:
                n_rows = [1, 7, 120][random.integers(3)]
                assert_array_equal(fresh.predict_proba(X[:n_rows]), probabilities[n_rows])
            done[fits] += 1
        return done

    with concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
        futures = [pool.submit(work, number) for number in range(n_threads)]
        for future in concurrent.futures.as_completed(futures, timeout=seconds + 120):
            counts = np.add(counts, future.result())
    return counts


@pytest.mark.slow
def test_twenty_threads_answer_as_alone():
    assert (work_in_threads(1) > 0).all()


@pytest.mark.slow
def test_twenty_threads_for_a_minute(capsys):
    """Slow for the minute that it takes."""
    predicted, fitted = work_in_threads(60)
    with capsys.disabled():
        print(f"\n20 threads, 60 s: {predicted} predictions, {fitted} fits, all as alone")
    assert min(predicted, fitted) > 100
