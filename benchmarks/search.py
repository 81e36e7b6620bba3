"""A grid search over small networks: skdl compared with scikeras and scikit-learn's MLP.

The grid has 1, 5 and 10 epochs by hidden layers of 32, 64 and 256 units, with three stratified
folds including training scores, Adam, batches of 32 and one job, on 5000 MNIST images. Each
estimator runs in a process of its own, one after the other, `rounds` times. "first" and "cold" are
the first search of a process, after the libraries have been loaded: "first" where no program is
stored on disk, "cold" in the next process. "warm" is the median of the following searches. The
other libraries search once.

Then a random search over rates and penalties, by skdl alone: 60 candidates of `dropout`, `l2` and
`learning_rate` for one layer of 64 units, 3 epochs, two folds. What a candidate takes in the first
search of a process is compared with what it takes in the second, which compiles nothing.

    python benchmarks/search.py [mnist_5k.npz] [rounds]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from machine import describe

from skdl._common.counts import counted

DATA = Path(__file__).parents[2] / "shared" / "data" / "mnist_5k.npz"


def network(meta, hidden_layer_sizes=32):
    """Build what scikeras wraps."""
    import keras

    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(hidden_layer_sizes, activation="relu"),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


def candidates(name):
    """Return an estimator, its grid, and how often it is searched in one process."""
    grid = {"epochs": [1, 5, 10], "hidden_layer_sizes": [32, 64, 256]}
    if name == "skdl":
        from skdl import DenseClassifier

        return DenseClassifier(batch_size=32, random_state=0), grid, 3
    if name == "scikeras":
        import keras
        from scikeras.wrappers import KerasClassifier

        keras.utils.disable_interactive_logging()
        net = KerasClassifier(
            network, loss="sparse_categorical_crossentropy", optimizer="adam", batch_size=32,
            hidden_layer_sizes=32, verbose=0,
        )  # fmt: skip
        return net, grid, 1
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier(batch_size=32, alpha=0, random_state=0, tol=0, n_iter_no_change=100)
    return net, {"max_iter": grid["epochs"], "hidden_layer_sizes": [32, 64, 256]}, 1


def measure(name, path):
    """Search in this process and print the seconds of each search."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    with np.load(path) as data:
        X, y = data["X"].reshape(len(data["X"]), -1).astype(np.float32) / 255, data["y"]
    if name == "random":
        measure_random(X, y)
        return
    if name == "skdl":  # TensorFlow is loaded before the clock starts
        from skdl._engine.compiled import programs  # noqa: F401
    elif name != "mlp":
        import keras

        keras.ops.convert_to_tensor(0)
    estimator, grid, searches = candidates(name)
    warnings.simplefilter("ignore")
    seconds = []
    for _ in range(searches):
        started = time.perf_counter()
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        search = GridSearchCV(estimator, grid, cv=folds, return_train_score=True, refit=False)
        search.fit(X, y)
        seconds.append(time.perf_counter() - started)
    print(json.dumps([seconds, float(search.best_score_)]))


def measure_random(X, y):
    """Print the seconds of a random search over rates and penalties, cold and warm."""
    from scipy.stats import loguniform, uniform
    from sklearn.model_selection import RandomizedSearchCV

    from skdl import DenseClassifier
    from skdl._engine.compiled import store

    drawn = {
        "dropout": uniform(0.05, 0.5),
        "l2": loguniform(1e-6, 1e-2),
        "learning_rate": loguniform(1e-4, 1e-2),
    }
    chosen = np.random.default_rng(0).permutation(len(X))[:2000]  # the file is in order of classes
    X, y = X[chosen], y[chosen]
    DenseClassifier(8, epochs=1).fit(X[:100], y[:100])
    store.templates.clear()
    net, seconds = DenseClassifier(64, epochs=3, random_state=0), []
    for _ in range(2):
        search = RandomizedSearchCV(net, drawn, n_iter=60, cv=2, refit=False, random_state=0)
        started = time.perf_counter()
        search.fit(X, y)
        seconds.append(time.perf_counter() - started)
    print(json.dumps([*seconds, len(store.templates)]))


def run(name, path, **environment):
    """Measure in a fresh process."""
    command = [sys.executable, __file__, "--measure", name, str(path)]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    runs = {"mlp": {}, "mlp, 1 thread": one, "scikeras": {}}
    seconds = {name: [] for name in ("skdl first", "skdl cold", "skdl warm", *runs)}
    score = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            stored = {"SKDL_XLA_CACHE": folder}
            (first, *_), _ = run("skdl", path, **stored)
            (cold, *warm), score["skdl"] = run("skdl", path, **stored)
        seconds["skdl first"].append(first)
        seconds["skdl cold"].append(cold)
        seconds["skdl warm"].append(statistics.median(warm))
        for name, environment in runs.items():
            (once,), score[name] = run(name.split(",")[0], path, **environment)
            seconds[name].append(once)
    print(describe("scikeras"))
    median = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{'':16} {'seconds':>8} {'/ cold':>8} {'/ warm':>8}   best mean test score")
    for name, value in median.items():
        cold, warm = value / median["skdl cold"], value / median["skdl warm"]
        best = score["skdl" if name.startswith("skdl") else name]
        print(f"{name:16} {value:8.2f} {cold:8.2f} {warm:8.2f}   {best:.4f}")
    cold, warm, networks = run("random", path)
    print(
        f"60 candidates of dropout, l2 and learning_rate: {counted(networks, 'network')} compiled, "
        f"{cold:.2f} s cold, {warm:.2f} s warm ({cold / warm:.2f})"
    )


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure(*sys.argv[2:])
    else:
        main()
