"""Training on sparse document-term matrices: skdl compared with Keras and scikit-learn's MLP.

- 25000 x 10000, about 117 words per row, two layers of 16, Adam, batches of 512. Keras is trained
  on the dense matrix and on sparse batches.
- 11314 x 20000, about 124 words per row, 20 classes, beside the MLP: two layers of 64 or 256,
  batches of 512 or 32.

The time of an epoch is a share of the difference between a fit of several epochs and one of 1.
Memory is the growth of the resident set of a process that does nothing but fit, sampled every 5 ms.

    python benchmarks/sparse.py [rounds]
"""

import statistics
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import psutil
import scipy.sparse as sp
from machine import describe

from skdl import DenseClassifier

N_ROWS, N_WORDS, BATCH = 25_000, 10_000, 512
WIDE_ROWS, WIDE_WORDS, WIDE_CLASSES = 11_314, 20_000, 20
WIDE = [((64, 64), 512), ((64, 64), 32), ((256, 256), 512)]


def data(n_rows=N_ROWS, n_words=N_WORDS, n_classes=2):
    """Return a matrix whose words are drawn with Zipf's frequencies, and labels."""
    rng = np.random.default_rng(0)
    odds = 1 / np.arange(1, n_words + 1) ** 0.8
    words = rng.choice(n_words, size=(n_rows, 136), p=odds / odds.sum())
    rows = np.repeat(np.arange(n_rows), 136)
    values = np.ones(words.size, np.float32)
    X = sp.csr_matrix((values, (rows, words.ravel())), (n_rows, n_words))
    X.data[:] = 1
    score = X[:, :50] @ rng.normal(size=50)
    limits = np.quantile(score, np.arange(1, n_classes) / n_classes)
    return X, np.searchsorted(limits, score)


def with_skdl(X, y, sizes=(16, 16), batch_size=BATCH):
    net = DenseClassifier(sizes, batch_size=batch_size, random_state=0)
    return lambda epochs: net.set_params(epochs=epochs).fit(X, y)


def with_mlp(X, y, sizes=(16, 16), batch_size=BATCH):
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier(sizes, batch_size=batch_size, alpha=0, tol=0, random_state=0)
    return lambda epochs: net.set_params(max_iter=epochs).fit(X, y)


def with_keras(X, y, sparse):
    import keras

    from skdl import build_dense

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return -(-N_ROWS // BATCH)

        def __getitem__(self, i):
            import tensorflow as tf

            rows = slice(i * BATCH, (i + 1) * BATCH)
            part = X[rows].tocoo()
            index = np.stack([part.row, part.col], axis=1).astype(np.int64)
            return tf.SparseTensor(index, part.data, part.shape), y[rows, None]

    model = build_dense(
        (N_WORDS,), 1, "sigmoid", hidden_layer_sizes=(16, 16), sparse=sparse, seed=0
    )
    model.compile("adam", "binary_crossentropy")
    if sparse:
        return lambda epochs: model.fit(Batches(), epochs=epochs, verbose=0)
    dense = X.toarray()
    return lambda epochs: model.fit(dense, y[:, None], batch_size=BATCH, epochs=epochs, verbose=0)


def seconds(train, epochs):
    started = time.perf_counter()
    train(epochs)
    return time.perf_counter() - started


def peak():
    """Print by how much resident memory grows at most during a fit, in MB."""
    X, y = data()
    DenseClassifier((2,), epochs=1).fit(X[:50], y[:50])  # TensorFlow itself is loaded
    process, done, highest = psutil.Process(), threading.Event(), [0]
    before = process.memory_info().rss

    def watch():
        while not done.wait(0.005):
            highest[0] = max(highest[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with_skdl(X, y)(5)
    done.set()
    watcher.join()
    print((highest[0] - before) / 2**20)


def medians(trains, rounds, n_epochs):
    """Return the seconds of an epoch, of libraries that take turns."""
    found = {name: [] for name in trains}
    for train in trains.values():
        train(1)
    for _ in range(rounds):
        for name, train in trains.items():
            seconds_more = seconds(train, 1 + n_epochs) - seconds(train, 1)
            found[name].append(seconds_more / n_epochs)
    return {name: statistics.median(values) for name, values in found.items()}


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    warnings.simplefilter("ignore")
    X, y = data()
    print(describe())
    print(f"{X.nnz / N_ROWS:.0f} words per row, {(X.data.nbytes + X.indices.nbytes) >> 20} MB")
    trains = {
        "skdl": with_skdl(X, y),
        "MLP, CSR": with_mlp(X, y),
        "Keras, sparse": with_keras(X, y, True),
        "Keras, dense": with_keras(X, y, False),
    }
    print(f"{'':30} {'s per epoch':>15} {'/ skdl':>8}")
    median = medians(trains, rounds, 5)
    for name, value in median.items():
        print(f"{name:30} {value:15.3f} {value / median['skdl']:8.2f}", flush=True)
    X, y = data(WIDE_ROWS, WIDE_WORDS, WIDE_CLASSES)
    print(f"{WIDE_ROWS} x {WIDE_WORDS}, {X.nnz / WIDE_ROWS:.0f} words per row")
    for sizes, batch_size in WIDE:
        settings = X, y, sizes, batch_size
        median = medians({"skdl": with_skdl(*settings), "MLP, CSR": with_mlp(*settings)}, rounds, 2)
        for name, value in median.items():
            label = f"{name}, {sizes[0]} units, batch {batch_size}"
            print(f"{label:30} {value:15.3f} {value / median['skdl']:8.2f}", flush=True)
    done = subprocess.run(
        [sys.executable, __file__, "--peak"], capture_output=True, text=True, check=True
    )
    print(
        f"memory of a fit above the matrix, at most: {float(done.stdout.splitlines()[-1]):.0f} MB"
    )


if __name__ == "__main__":
    peak() if "--peak" in sys.argv else main()
