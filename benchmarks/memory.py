"""200 fits in one process: resident memory and the time of a fit, from start to end.

The fits are a random search over 20 networks on 2000 x 20 rows. Afterwards, more networks than the
store keeps are trained, to measure what each additional network costs, since TensorFlow does not
free everything that it has compiled.

    python benchmarks/memory.py
"""

import gc
import statistics
import time
import warnings

import numpy as np
import psutil
from machine import describe

from skdl import DenseClassifier
from skdl._engine.compiled import store


def resident():
    """Return the resident memory in MB."""
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20


def main():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 20)).astype(np.float32), rng.integers(0, 3, 2000)
    print(describe("psutil"))
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
