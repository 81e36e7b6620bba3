"""Time of predictions: skdl compared with `keras.Model.predict`, for one row and for 60000.

python benchmarks/prediction.py
"""

import statistics
import time

import numpy as np
from machine import describe

from skdl import DenseClassifier


def timed(function, times):
    """Return the median seconds of calling a function."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def main():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 784)).astype(np.float32)
    net = DenseClassifier((512,), epochs=1, random_state=0).fit(X[:1000], np.arange(1000) % 10)
    model = net.model_
    print(describe())
    for n_rows, times in ((1, 200), (60_000, 9)):
        rows = X[:n_rows]
        ours, keras = [], []
        net.predict(rows), model.predict(rows, verbose=0)
        for _ in range(3):  # in turn
            ours.append(timed(lambda rows=rows: net.predict(rows), times))
            keras.append(timed(lambda rows=rows: model.predict(rows, verbose=0), times // 3))
        a, b = statistics.median(ours), statistics.median(keras)
        print(
            f"{n_rows:6} rows: skdl {a * 1e3:9.3f} ms, Keras {b * 1e3:9.3f} ms, ratio {b / a:.2f}"
        )


if __name__ == "__main__":
    main()
