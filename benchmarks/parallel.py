"""A search of 60 fits by one job and by two: how much faster two processes or threads are.

Twelve candidates (hidden layers by learning rates) are fitted on five stratified folds, with Adam
and batches of 32, on 5000 MNIST images. "One job" is a search in a fresh process that may use every
core; "two jobs" are joblib's loky workers, each with its share of the threads; "two threads" are
those of one process, which share its programs. "cold" is all that a script takes whose first search
this is, from its first line: all imports, TensorFlow's in the process or in its workers, and their
start. "warm" is a second search in the same processes. What is traced and compiled is stored on
disk by a search that is not counted. "One job, 1 thread" may use one core alone.

    python benchmarks/parallel.py [mnist_5k.npz] [rounds]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import describe

DATA = Path(__file__).parents[2] / "shared" / "data" / "mnist_5k.npz"
GRID = {
    "hidden_layer_sizes": [(32,), (64,), (128,), (64, 64)],
    "learning_rate": [0.0003, 0.001, 0.003],
}


def measure(n_jobs, backend, path):
    """Search twice in this process and print the seconds, and the sum of the scores."""
    started = time.perf_counter()
    import joblib
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    from skdl import DenseClassifier

    with np.load(path) as data:
        X, y = data["X"].reshape(len(data["X"]), -1).astype(np.float32) / 255, data["y"]
    net = DenseClassifier(epochs=8, batch_size=32, random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    seconds = []
    for _ in range(2):
        with joblib.parallel_config(backend):
            search = GridSearchCV(net, GRID, cv=folds, n_jobs=int(n_jobs), refit=False).fit(X, y)
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    scores = [search.cv_results_[f"split{i}_test_score"].tolist() for i in range(5)]
    print(json.dumps([*seconds, scores]))


def run(n_jobs, backend, path, **environment):
    """Measure in a fresh process."""
    command = [sys.executable, __file__, "--measure", str(n_jobs), backend, str(path)]
    done = subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    runs = {
        "one job": (1, "loky", {}),
        "one job, 1 thread": (1, "loky", {"OMP_NUM_THREADS": "1"}),
        "two jobs": (2, "loky", {}),
        "two threads": (2, "threading", {}),
    }
    found = {name: [] for name in runs}
    with tempfile.TemporaryDirectory() as folder:
        for counted in [False, *[True] * rounds]:
            for name, (n_jobs, backend, environment) in runs.items():
                environment = environment | {"SKDL_XLA_CACHE": folder}
                results = run(n_jobs, backend, path, **environment)
                if counted:
                    found[name].append(results)
    scores = {name: [results[-1] for results in several] for name, several in found.items()}
    median = {
        name: [statistics.median(column) for column in list(zip(*several, strict=True))[:2]]
        for name, several in found.items()
    }
    print(describe("joblib"))
    for name, several in scores.items():
        same = all(each == scores["two jobs"][0] for each in several)
        print(f"{name}: all scores equal to the last bit to those of two jobs: {same}")
    print(f"{'':18} {'cold':>7} {'warm':>7}   speedup, cold  speedup, warm")
    base = median["one job"]
    for name, (cold, warm) in median.items():
        print(f"{name:18} {cold:7.2f} {warm:7.2f}   {base[0] / cold:5.2f} {base[1] / warm:5.2f}")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure(*sys.argv[2:])
    else:
        main()
