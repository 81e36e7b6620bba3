"""Training on a sparse document-term matrix: skdl compared with Keras and scikit-learn's MLP.

The matrix is 25000 x 10000 with about 117 words per row; the network has two layers of 16, and is
trained with Adam and batches of 512. Keras is trained on the dense matrix and on sparse batches.
The time of an epoch is the difference between a fit of 6 epochs and one of 1, divided by 5. Memory
is the growth of the resident set of a process that does nothing but fit, sampled every 5 ms.

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


def data(dtype=np.float32):
    """Return a matrix whose words are drawn with Zipf's frequencies, and labels."""
    rng = np.random.default_rng(0)
    odds = 1 / np.arange(1, N_WORDS + 1) ** 0.8
    words = rng.choice(N_WORDS, size=(N_ROWS, 136), p=odds / odds.sum())
    rows = np.repeat(np.arange(N_ROWS), 136)
    X = sp.csr_matrix((np.ones(words.size, dtype), (rows, words.ravel())), (N_ROWS, N_WORDS))
    X.data[:] = 1
    score = np.asarray(X[:, :50].sum(axis=1)).ravel()
    return X, (score > np.median(score)).astype(int)


def with_skdl(X, y):
    net = DenseClassifier((16, 16), batch_size=BATCH, random_state=0)
    return lambda epochs: net.set_params(epochs=epochs).fit(X, y)


def with_mlp(X, y):
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier((16, 16), batch_size=BATCH, alpha=0, tol=0, random_state=0)
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
    found = {name: [] for name in trains}
    for train in trains.values():
        train(1)
    for _ in range(rounds):
        for name, train in trains.items():
            found[name].append((seconds(train, 6) - seconds(train, 1)) / 5)
    median = {name: statistics.median(values) for name, values in found.items()}
    print(f"{'':14} {'s per epoch':>15} {'/ skdl':>8}")
    for name, value in median.items():
        print(f"{name:14} {value:15.3f} {value / median['skdl']:8.2f}")
    done = subprocess.run(
        [sys.executable, __file__, "--peak"], capture_output=True, text=True, check=True
    )
    print(
        f"memory of a fit above the matrix, at most: {float(done.stdout.splitlines()[-1]):.0f} MB"
    )


if __name__ == "__main__":
    peak() if "--peak" in sys.argv else main()
