"""Size and time of storing a fitted network: pickles and `skdl.save` compared with scikeras.

The same networks are fitted on the same data for one epoch. Each step is timed in turn, in this
process, in which all programs have been compiled. Sizes are those of the bytes written, and the
ratios are relative to scikeras's pickles.

    python benchmarks/pickling.py [rounds]
"""

import pickle
import statistics
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from machine import describe
from scikeras.wrappers import KerasClassifier

import skdl

sys.path.remove(str(Path(__file__).parent))  # Dask would take sparse.py here for the package

# (name, inputs, hidden layers): iris, and the dense network of the MNIST examples.
NETWORKS = [("4-100-3", 4, 100, 3), ("784-512-10", 784, 512, 10)]


def seconds(function):
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def with_scikeras(n_inputs, n_hidden, n_outputs):
    def network():
        return keras.Sequential(
            [
                keras.Input((n_inputs,)),
                keras.layers.Dense(n_hidden, activation="relu"),
                keras.layers.Dense(n_outputs, activation="softmax"),
            ]
        )

    # Without a model function, which pickle could not find again.
    return KerasClassifier(
        network(), loss="sparse_categorical_crossentropy", optimizer="adam", verbose=0
    )


def measured(ours, theirs, X, rounds):
    """Return, by what was done, the size in bytes and the seconds of writing and reading."""

    def through_pickle(estimator):
        pickled = pickle.dumps(estimator)
        return len(pickled), lambda: pickle.dumps(estimator), lambda: pickle.loads(pickled)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.skdl"
        skdl.save(ours, path)
        steps = {
            "skdl, pickle": through_pickle(ours),
            "skdl, save": (
                path.stat().st_size, lambda: skdl.save(ours, path), lambda: skdl.load(path),
            ),
            "scikeras, pickle": through_pickle(theirs),
        }  # fmt: skip
        taken = {label: ([], []) for label in steps}
        for _ in range(rounds):
            for label, (_, write, read) in steps.items():
                taken[label][0].append(seconds(write))
                taken[label][1].append(seconds(lambda read=read: read().predict(X)))
    return {
        label: (steps[label][0], *map(statistics.median, both)) for label, both in taken.items()
    }


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    print(describe("scikeras", "skops"))
    for name, n_inputs, n_hidden, n_outputs in NETWORKS:
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, n_inputs)).astype(np.float32)
        y = np.arange(300) % n_outputs
        ours = skdl.DenseClassifier((n_hidden,), epochs=1, random_state=0).fit(X, y)
        theirs = with_scikeras(n_inputs, n_hidden, n_outputs).fit(X, y)
        found = measured(ours, theirs, X, rounds)
        print(f"\n{name}, Adam, {ours.model_.count_params():,} parameters, {rounds} rounds")
        base = found["scikeras, pickle"]
        for label, (size, write, read) in found.items():
            print(
                f"{label:16} {size:10,} bytes ({size / base[0]:4.2f}), written in "
                f"{write * 1e3:7.2f} ms ({write / base[1]:5.3f}), read and used to predict in "
                f"{read * 1e3:7.2f} ms ({read / base[2]:5.3f})"
            )


if __name__ == "__main__":
    main()
