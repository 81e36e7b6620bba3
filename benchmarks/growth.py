"""How time and memory grow with rows, columns, units, classes and batches.

One of five sizes is changed at a time, the others stay: 10,000 rows (20,000 for classes), 20
columns, 64 units, 10 classes, batches of 128. Columns are those of a CSR matrix with 10 values in
each row, all other rows are dense.

Each library is measured in a process of its own, after a fit and a prediction of the same size.
"epoch" is the time of a fit of several epochs less that of one of a third as many, divided by the
number of epochs between: 800 steps of training at least, or two epochs where the rows are those of
a CSR matrix, and of the other libraries also where an epoch takes more than a second.
"predict" is the shortest of three predictions of the labels of all rows. Beside the seconds that
pass are those of the processors, which other work on the machine disturbs less. Memory is by how
much the resident set grows at most from the data on, in all of this, sampled every 5 ms.

Exponents are those of the power of the size that fits best, by least squares of the logarithms, to
the larger half of the sizes: 1 means that twice the size takes twice as long. A case that is not
done in 300 seconds is left out.

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
    "columns": [10, 1_000, 10_000, 100_000],
    "units": [16, 64, 512, 4_096],
    "classes": [2, 100, 1_000, 10_000],
    "batch": [8, 64, 512, 2_048],
}
QUICK = {"rows": [1_000, 4_000], "columns": [20, 80], "units": [16, 64], "classes": [2, 100]}
LIBRARIES = ("skdl", "MLP", "Keras")
FIGURES = ("epoch s", "CPU s", "predict s", "CPU s", "MB more")
STEPS, VALUES, SECONDS = 400, 10, 300


def data(axis, size):
    """Return rows, labels and the settings of a case."""
    case = USUAL | {axis: size}
    rng = np.random.default_rng(0)
    if axis == "classes":
        case["rows"] *= 2  # for two rows at least of each class
    n_rows, n_columns = case["rows"], case["columns"]
    if axis == "columns":
        begins = np.arange(n_rows + 1) * VALUES
        # One word in each tenth of the columns, so that no word is drawn twice.
        parts = np.tile(np.arange(VALUES), n_rows) * (n_columns // VALUES)
        columns = parts + rng.integers(0, n_columns // VALUES, begins[-1])
        values = np.ones(begins[-1], np.float32)
        X = scipy.sparse.csr_matrix((values, columns, begins), (n_rows, n_columns))
    else:
        X = rng.normal(size=(n_rows, n_columns)).astype(np.float32)
    y = rng.permutation(np.arange(n_rows) % case["classes"])
    return X, y, case


def makers(name, case, sparse):
    """Return a function that fits for some epochs and one that predicts labels."""
    if name == "skdl":
        from skdl import DenseClassifier

        net = DenseClassifier((case["units"],), batch_size=case["batch"], random_state=0)
        return lambda X, y, epochs: net.set_params(epochs=epochs).fit(X, y), net.predict
    if name == "MLP":
        from sklearn.neural_network import MLPClassifier

        warnings.simplefilter("ignore")
        net = MLPClassifier(
            (case["units"],), batch_size=case["batch"], alpha=0, tol=0, n_iter_no_change=10**9
        )
        return lambda X, y, epochs: net.set_params(max_iter=epochs).fit(X, y), net.predict
    import keras

    model = keras.Sequential(
        [
            keras.Input((case["columns"],), sparse=sparse),
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
    sparse = scipy.sparse.issparse(X)
    fit, predict = makers(name, case, sparse)
    fit(X[:1_000], np.arange(1_000) % min(10, case["classes"]), 1)  # the library itself is loaded
    process, done = psutil.Process(), threading.Event()
    before = highest = process.memory_info().rss

    def watch():
        nonlocal highest
        while not done.wait(0.005):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    n = 1 if sparse else math.ceil(STEPS / (case["rows"] // case["batch"]))
    if name != "skdl" and seconds(fit, X, y, 1)[1] > 1:
        n = 1
    else:
        fit(X, y, n)
    few, many = (seconds(fit, X, y, epochs) for epochs in (n, 3 * n))
    epoch = [max(b - a, 1e-5) / (2 * n) for a, b in zip(few, many, strict=True)]
    predict(X)
    prediction = min(seconds(predict, X) for _ in range(3))
    done.set()
    watcher.join()
    print(json.dumps([*epoch, *prediction, (highest - before) / 2**20]))


def seconds(function, *arguments):
    """Return the seconds that a call takes, and those of the processors in it."""
    clocks = time.perf_counter, time.process_time
    started = [clock() for clock in clocks]
    function(*arguments)
    return tuple(clock() - start for clock, start in zip(clocks, started, strict=True))


def run(name, axis, size):
    """Measure in a fresh process; None where the library cannot do it, or not in the time."""
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
        print(f"\n{label:12} {'':6} " + "  ".join(f"{figure:>9}" for figure in FIGURES))
        for size in axes[axis]:
            for name in LIBRARIES:
                measured = run(name, axis, size)
                if measured is None:
                    print(f"{size:<12,} {name} was left out", flush=True)
                    continue
                found[name][size] = measured
                *times, megabytes = measured
                cells = [*(f"{each:9.4f}" for each in times), f"{megabytes:9.0f}"]
                print(f"{size:<12,} {name:6} " + "  ".join(cells), flush=True)
        for name, measured in found.items():
            if measured:
                powers = [exponent(list(measured), v) for v in zip(*measured.values(), strict=True)]
                print(f"{'exponent':12} {name:6} " + "  ".join(f"{p:9.2f}" for p in powers))


if __name__ == "__main__":
    measure(*sys.argv[2:]) if "--measure" in sys.argv else main()
