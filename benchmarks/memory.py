"""Memory of one large fit, and of hundreds of fits in one process.

- One fit of 1,000,000 x 100 rows, an epoch, 8 units, batch 4096, in a process of its own: the
  largest resident memory above X, beside scikit-learn's MLP, in sizes of X as float32. The same of
  a CSR matrix, 200,000 x 20,000 with 100 values in a row, and of it skdl's fits that are validated
  on a tenth of the rows, or on a matrix of its size, and its predictions.
- 200 fits, a random search over 20 networks on 2000 x 20 rows: resident memory and the time of a
  fit, start to end. Then networks beyond the bound of the store, to see what each network more
  costs, since TensorFlow keeps what it has compiled.
- 3000 fits of one network, each with its own learning rate and seed: resident memory after each
  sixth of them. The same of 3000 with a callback, which has `model_` built, and of a function's
  network.

    python benchmarks/memory.py
"""

import gc
import multiprocessing
import statistics
import threading
import time
import warnings
from functools import partial

import keras
import numpy as np
import psutil
import scipy.sparse
from machine import describe
from sklearn.neural_network import MLPClassifier

from skdl import DenseClassifier, KerasClassifier
from skdl._engine.compiled import store

LARGE = 1_000_000, 100
SPARSE, SPARSE_VALUES = (200_000, 20_000), 100
N_FITS = 3000


def resident():
    """Return the resident memory in MB."""
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20


def large_rows(dtype, sparse):
    """Return dense rows, or those of a CSR matrix."""
    random = np.random.default_rng(0)
    if not sparse:
        return random.standard_normal(LARGE, np.float32).astype(dtype, copy=False)
    (n_rows, n_columns), n = SPARSE, SPARSE_VALUES
    columns = np.sort(random.integers(0, n_columns - n, (n_rows, n), dtype=np.int32))
    columns += np.arange(n, dtype=np.int32)  # each once in a row
    values, begins = np.ones(columns.size, dtype), np.arange(n_rows + 1) * n
    return scipy.sparse.csr_matrix((values, columns.ravel(), begins), SPARSE)


def peak_of(work, library, dtype, sparse):
    """Return how many MB resident memory rises by in some work on rows, after a little of it."""
    X = large_rows(dtype, sparse)
    y = np.arange(X.shape[0]) % 2
    if library == "skdl":
        net = DenseClassifier((8,), epochs=1, batch_size=4096, random_state=0)
    else:
        net = MLPClassifier((8,), max_iter=1, batch_size=4096, random_state=0)
    work(net, X[:20_000], y[:20_000])
    before, top, ended = resident(), [0.0], threading.Event()

    def watch():
        process = psutil.Process()
        while not ended.wait(0.002):
            top[0] = max(top[0], process.memory_info().rss / 2**20)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work(net, X, y)
    ended.set()
    watcher.join()
    return top[0] - before


def fit(net, X, y):
    """Fit on all rows."""
    net.fit(X, y)


def fit_held_out(net, X, y):
    """Fit on nine tenths of the rows, and validate on the others."""
    net.set_params(validation_split=0.1).fit(X, y)


def fit_validated(net, X, y):
    """Fit and validate on the same rows."""
    net.fit(X, y, X_val=X, y_val=y)


def fit_and_predict(net, X, y):
    """Fit on some rows, and predict all."""
    net.fit(X[:20_000], y[:20_000]).predict(X)


def peak_in_new_process(*arguments):
    """Return what `peak_of` does in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(peak_of, arguments)


def large_fits():
    """Print the memory of large fits."""
    for sparse, (n_rows, n_columns) in ((False, LARGE), (True, SPARSE)):
        # Values, and of a CSR matrix their columns and where each row begins.
        n_bytes = 8 * n_rows * SPARSE_VALUES + 4 * n_rows if sparse else 4 * n_rows * n_columns
        for dtype in ("float32", "float64"):
            libraries = "skdl", "MLP"
            found = {name: peak_in_new_process(fit, name, dtype, sparse) for name in libraries}
            if sparse:
                found |= {
                    told: peak_in_new_process(work, "skdl", dtype, sparse)
                    for told, work in {
                        "held out": fit_held_out,
                        "validated": fit_validated,
                        "predicted": fit_and_predict,
                    }.items()
                }
            size = n_bytes / 2**20
            told = ", ".join(f"{name} {mb:.0f} MB ({mb / size:.2f})" for name, mb in found.items())
            form = "CSR " if sparse else ""
            print(f"a fit of {n_rows} x {n_columns} {form}{dtype}, above X: {told}", flush=True)


def function_network(meta):
    """Return a small network for `KerasClassifier`."""
    layers = keras.layers
    inputs = keras.Input(meta["X_shape_"][1:])
    hidden = layers.Dense(8, activation="relu")(inputs)
    return keras.Model(inputs, layers.Dense(meta["n_classes_"], activation="softmax")(hidden))


def long_run(X, y, make):
    """Return by how many MB the memory grows in fits of a network, after each sixth of them."""
    rng, growth = np.random.default_rng(0), []
    for i in range(20 + N_FITS):
        if i == 20:
            before = resident()
        make(learning_rate=10 ** rng.uniform(-4, -2), epochs=2, random_state=i).fit(X, y)
        if i >= 20 and (i - 19) % (N_FITS // 6) == 0:
            growth.append(resident() - before)
    return " ".join(f"{mb:+.0f}" for mb in growth)


def main():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 20)).astype(np.float32), rng.integers(0, 3, 2000)
    print(describe("psutil"))
    warnings.simplefilter("ignore")
    large_fits()
    plateau = keras.callbacks.ReduceLROnPlateau("loss")
    for what, make in {
        "one network": partial(DenseClassifier, (8,)),
        "one with a callback": partial(DenseClassifier, (8,), callbacks=plateau),
        "one of a function": partial(KerasClassifier, function_network),
    }.items():
        growth = long_run(X[:150], y[:150], make)
        print(f"growth over {N_FITS} fits of {what}, MB: {growth}", flush=True)
    seconds, memory = [], {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(200):
            started = time.perf_counter()
            DenseClassifier((10 + i % 20,), epochs=5, random_state=i).fit(X, y).predict(X)
            seconds.append(time.perf_counter() - started)
            if i + 1 in (20, 50, 100, 150, 200):
                memory[i + 1] = resident()
    print("resident MB after fits:", {n: round(mb) for n, mb in memory.items()})
    print(f"growth after the first 50 fits: {memory[200] - memory[50]:.1f} MB")
    first, last = (statistics.median(seconds[part]) for part in (slice(50, 100), slice(150, 200)))
    print(f"a fit: {first * 1e3:.1f} ms (fits 51-100), {last * 1e3:.1f} ms (fits 151-200)")
    size = store.templates.size
    for i in range(2 * size):
        if i == size:  # the store is full
            before = resident()
        DenseClassifier((100 + i,), epochs=5, random_state=i).fit(X, y).predict(X)
    growth = (resident() - before) / size
    print(f"beyond the store's bound of {size} networks: {growth:.1f} MB per network")


if __name__ == "__main__":
    main()
