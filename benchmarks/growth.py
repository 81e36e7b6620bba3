"""How time and memory grow with rows, columns, units, classes and batches.

One of five sizes is changed at a time, the others stay: 10,000 rows, 20 columns, 64 units, 10
classes, batches of 128. Columns are those of a CSR matrix with 100 values in each row. Each
library fits and predicts in a process of its own: an epoch is a share of the difference between a
fit of 1,200 steps or more and one of a third as many, "predict" is the second prediction of labels
for all rows, and memory is by how much the resident set grows at most in both, sampled every 5 ms.
Exponents are
those of the power of the size that fits best to the larger half of the sizes: 1 means that twice
the size takes twice as long. A case that takes longer than 300 seconds is left out, and so is what
a library cannot do: Keras takes no CSR matrix.

    python benchmarks/growth.py [axis ...] [--quick]
"""

import argparse
import json
import math
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import scipy.sparse
from machine import describe

USUAL = {"rows": 10_000, "columns": 20, "units": 64, "classes": 10, "batch": 128}
AXES = {
    "rows": [1_000, 10_000, 100_000, 1_000_000],
    "columns": [100, 1_000, 10_000, 100_000],
    "units": [16, 64, 256, 1_024, 4_096],
    "classes": [2, 10, 100, 1_000, 10_000],
    "batch": [8, 32, 128, 512, 2_048],
}
QUICK = {"rows": [1_000, 4_000], "columns": [200, 800], "units": [16, 64], "classes": [2, 100]}
LIBRARIES = ("skdl", "MLP", "Keras")
SECONDS = 300


def data(axis, size):
    """Return rows, labels and the settings of a case."""
    case = USUAL | {axis: size}
    rng = np.random.default_rng(0)
    if axis == "classes":
        case["rows"] = max(case["rows"], 2 * size)
    shape = case["rows"], case["columns"]
    if axis == "columns":
        places = np.arange(case["rows"] + 1) * 100
        columns = rng.integers(0, size, places[-1])
        values = np.ones(places[-1], np.float32)
        X = scipy.sparse.csr_matrix((values, columns, places), shape)
        X.sum_duplicates()
    else:
        X = rng.normal(size=shape).astype(np.float32)
    y = rng.permutation(np.arange(case["rows"]) % case["classes"])
    return X, y, case


def makers(name, case):
    """Return a function that fits for some epochs and one that predicts labels."""
    if name == "skdl":
        from skdl import DenseClassifier

        net = DenseClassifier((case["units"],), batch_size=case["batch"], random_state=0)
        return lambda X, y, epochs: net.set_params(epochs=epochs).fit(X, y), net.predict
    if name == "MLP":
        from sklearn.neural_network import MLPClassifier

        warnings.simplefilter("ignore")
        net = MLPClassifier(
            (case["units"],), batch_size=case["batch"], alpha=0, tol=0, n_iter_no_change=100
        )
        return lambda X, y, epochs: net.set_params(max_iter=epochs).fit(X, y), net.predict
    import keras

    model = keras.Sequential(
        [
            keras.Input((case["columns"],)),
            keras.layers.Dense(case["units"], activation="relu"),
            keras.layers.Dense(case["classes"], activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    fit = lambda X, y, epochs: model.fit(X, y, case["batch"], epochs, verbose=0)  # noqa: E731
    return fit, lambda X: model.predict(X, case["batch"], verbose=0).argmax(axis=1)


def measure(name, axis, size):
    """Print the seconds of an epoch and of a prediction, and the megabytes of both."""
    import psutil

    X, y, case = data(axis, int(size))
    fit, predict = makers(name, case)
    some = np.r_[: 2 * case["classes"]] if axis == "classes" else np.r_[:1_000]
    fit(X[some], np.arange(len(some)) % case["classes"], 1)  # the library itself is loaded
    process, done = psutil.Process(), threading.Event()
    before = highest = process.memory_info().rss

    def watch():
        nonlocal highest
        while not done.wait(0.005):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    n = math.ceil(400 * case["batch"] / case["rows"])  # epochs of 400 steps, for all one program
    fit(X, y, n)
    epoch = (seconds(fit, X, y, 3 * n) - seconds(fit, X, y, n)) / (2 * n)
    predict(X)
    prediction = seconds(predict, X)
    done.set()
    watcher.join()
    print(json.dumps([max(epoch, 1e-5), prediction, (highest - before) / 2**20]))


def seconds(function, *arguments):
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def run(name, axis, size):
    """Measure in a fresh process; None where the library cannot do it in the time."""
    command = [sys.executable, __file__, "--measure", name, axis, str(size)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
    except subprocess.SubprocessError:
        return None
    return json.loads(done.stdout.splitlines()[-1])


def exponent(sizes, values):
    """Return the power of the size that fits best to the larger half of the sizes."""
    half = len(sizes) // 2 if len(sizes) > 2 else 0
    logs = [[math.log(max(v, 1e-9)) for v in each[half:]] for each in (sizes, values)]
    return np.polyfit(*logs, 1)[0] if len(logs[0]) > 1 else math.nan


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("axes", nargs="*", default=[])
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the script")
    arguments = parser.parse_args()
    axes = QUICK if arguments.quick else AXES
    print(describe())
    for axis in arguments.axes or axes:
        found = {name: {} for name in LIBRARIES}
        label = f"{axis}:"
        print(f"\n{label:12} {'':6} {'epoch s':>9} {'predict s':>9} {'MB more':>9}")
        for size in axes[axis]:
            for name in LIBRARIES:
                if name == "Keras" and axis == "columns":
                    continue
                measured = run(name, axis, size)
                if measured is None:
                    print(f"{size:<12} {name} was left out")
                    continue
                found[name][size] = measured
                epoch, prediction, megabytes = measured
                print(
                    f"{size:<12,} {name:6} {epoch:9.4f} {prediction:9.4f} {megabytes:9.0f}",
                    flush=True,
                )
        for name, measured in found.items():
            if measured:
                powers = [exponent(list(measured), v) for v in zip(*measured.values(), strict=True)]
                print(f"{'exponent':12} {name:6} " + " ".join(f"{p:9.2f}" for p in powers))


if __name__ == "__main__":
    measure(*sys.argv[2:]) if "--measure" in sys.argv else main()
