"""Time of training: skdl compared with Keras, scikit-learn's MLP and skorch, in one process.

There are six cases, each on artificial data of the given size, with Adam (RMSprop in batch1):

- small: 150 x 4, 100 units, batch 32, whole fits of 100 epochs of 5 steps;
- validated: the same of 569 x 30, 64 units, a fifth of the rows held out and measured after each
  epoch (not for skorch);
- batch1: 4 folds of 303 of 404 rows x 13, two layers of 64, batch size 1, 100 epochs
  (Keras, the MLP and skorch run fewer epochs, and the seconds are scaled to 100);
- wide: one epoch on 60000 x 784, 512 units, batches of 128;
- narrow: one epoch on 60000 x 784, layers of 20 and 15, batches of 100;
- dropout: one epoch on 2000 x 20, two layers of 64, dropout 0.3 (not for the MLP), batches of 32.

The libraries are trained in turn, `rounds` times, and medians are compared. In small, validated and
batch1, whole fits are timed, for batch1 with skdl's compilation. In the other cases, the time of an
epoch is the difference between a fit of 6 epochs and one of 1, divided by 5 (for dropout, of 51 and
1, divided by 50), after each library has trained before. The MLP uses the default number of
threads.

    python benchmarks/training.py [case ...] [--rounds N]
"""

import argparse
import contextlib
import statistics
import time
import warnings

with contextlib.suppress(ImportError):
    import torch._dynamo  # noqa: F401 - torch 2.14 crashes where TensorFlow was loaded before it

import numpy as np
from machine import describe
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdl import DenseClassifier, DenseRegressor, build_dense
from skdl._engine.compiled import store

CASES = {
    # rows, features, classes, layers, batch, dropout, optimizer
    "small": (150, 4, 3, (100,), 32, 0.0, "adam"),
    "validated": (569, 30, 2, (64,), 32, 0.0, "adam"),
    "batch1": (303, 13, None, (64, 64), 1, 0.0, "rmsprop"),
    "wide": (60_000, 784, 10, (512,), 128, 0.0, "adam"),
    "narrow": (60_000, 784, 10, (20, 15), 100, 0.0, "adam"),
    "dropout": (2_000, 20, 2, (64, 64), 32, 0.3, "adam"),
}


def with_skdl(X, y, classes, layers, batch, dropout, optimizer, held):
    cls = DenseRegressor if classes is None else DenseClassifier
    net = cls(
        layers, batch_size=batch, dropout=dropout, optimizer=optimizer,
        validation_split=held, random_state=0,
    )  # fmt: skip
    return lambda epochs: net.set_params(epochs=epochs).fit(X, y)


def with_keras(X, y, classes, layers, batch, dropout, optimizer, held):
    outputs = 1 if classes in (None, 2) else classes
    output, loss = {
        None: ("linear", "mse"),
        2: ("sigmoid", "binary_crossentropy"),
    }.get(classes, ("softmax", "sparse_categorical_crossentropy"))
    model = build_dense(
        X.shape[1:], outputs, output, hidden_layer_sizes=layers, dropout=dropout, seed=0
    )
    model.compile(optimizer, loss)
    y = y.reshape(len(y), -1) if outputs == 1 else y
    return lambda epochs: model.fit(
        X, y, batch_size=batch, epochs=epochs, validation_split=held, verbose=0
    )


def with_mlp(X, y, classes, layers, batch, dropout, optimizer, held):
    cls = MLPRegressor if classes is None else MLPClassifier
    net = cls(
        hidden_layer_sizes=layers,
        batch_size=batch,
        alpha=0,
        tol=0,
        n_iter_no_change=1000,
        early_stopping=held > 0,
        validation_fraction=held or 0.1,
        random_state=0,
    )
    return lambda epochs: net.set_params(max_iter=epochs).fit(X, y)


def with_skorch(X, y, classes, layers, batch, dropout, optimizer, held):
    import torch
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    torch.manual_seed(0)
    modules, width = [], X.shape[1]
    for units in layers:
        modules += [torch.nn.Linear(width, units), torch.nn.ReLU()]
        modules += [torch.nn.Dropout(dropout)] if dropout else []
        width = units
    modules.append(torch.nn.Linear(width, 1 if classes is None else classes))
    kwargs = {
        "module": torch.nn.Sequential(*modules),
        "criterion": torch.nn.MSELoss if classes is None else torch.nn.CrossEntropyLoss,
        "optimizer": torch.optim.RMSprop if optimizer == "rmsprop" else torch.optim.Adam,
        "batch_size": batch,
        "train_split": None,
        "verbose": 0,
        "iterator_train__shuffle": True,
    }
    net = (NeuralNetRegressor if classes is None else NeuralNetClassifier)(**kwargs)
    y = y[:, None].astype(np.float32) if classes is None else y.astype(np.int64)
    return lambda epochs: net.set_params(max_epochs=epochs).fit(X, y)


LIBRARIES = {
    "skdl": with_skdl,
    "Keras": with_keras,
    "MLP": with_mlp,
    "skorch": with_skorch,
}


def seconds(train, epochs):
    """Return the seconds of training so many epochs."""
    started = time.perf_counter()
    train(epochs)
    return time.perf_counter() - started


def data(case):
    """Return rows, targets and settings of a case, as the functions of the libraries take them."""
    n_rows, n_features, classes, *settings = CASES[case]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    y = X[:, 0] if classes is None else rng.integers(0, classes, n_rows)
    return X, y, classes, *settings, 0.2 if case == "validated" else 0.0


def measure(case, rounds):
    """Return the seconds of every library in every round."""
    arguments = data(case)
    held = arguments[-1]
    found = {name: [] for name in LIBRARIES}
    trains = {}
    for name, make in LIBRARIES.items():
        if held and name == "skorch":
            continue
        try:
            trains[name] = make(*arguments)
        except ImportError:
            print(f"{name} is not installed: left out")
            continue
        seconds(trains[name], {"dropout": 5, "small": 100, "validated": 100}.get(case, 1))
    for _ in range(rounds):
        for name, train in trains.items():
            if case == "batch1" and name == "skdl":
                store.templates.clear()  # the compile is counted
                found[name].append(sum(seconds(train, 100) for _ in range(4)))
            elif case == "batch1":
                found[name].append(4 * 100 / 3 * seconds(train, 3))
            elif case in ("small", "validated"):
                found[name].append(seconds(train, 100))
            else:
                epochs = 50 if case == "dropout" else 5
                found[name].append((seconds(train, 1 + epochs) - seconds(train, 1)) / epochs)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(describe("torch", "skorch"))
    print(f"{'':10} {'':8} {'seconds':>9} {'/ skdl':>8}")
    for case in arguments.cases:
        found = measure(case, arguments.rounds)
        median = {name: statistics.median(values) for name, values in found.items() if values}
        for name, value in median.items():
            print(f"{case:10} {name:8} {value:9.4f} {value / median['skdl']:8.2f}", flush=True)


if __name__ == "__main__":
    main()
