"""Training a convolutional network on images: skdl compared with Keras's `fit` and skorch.

The network has convolutions of 32, 64 and 64 filters of 3 x 3, the first two with pooling, and 64
hidden units. It is trained with RMSprop and batches of 64 on 6000 images of 28 x 28 bytes, which
the network scales. Keras trains the network that skdl builds, on the same bytes and, as is common,
on floats computed beforehand. Three more networks are trained on larger images of noise: 2000 of
32 x 32 x 3, with batch normalization after each convolution; 400 of 96 x 96 x 3; and, without
skorch, a residual network with strides (He et al. 2016) on 1000 of 32 x 32 x 3.

The time of an epoch is the difference between a fit of 4 epochs and one of 1, divided by 3, so that
it contains nothing but training. The first fit is one epoch with a new network, including
compilation. The libraries are trained in turn, each in a process of its own, and medians are
compared. (If Keras has trained on floats in the same process, the system's allocator keeps memory
that torch otherwise requests again at every step, and skorch's epochs take 1.6 to 1.8 times as long
as skdl's.) Memory is the growth of the resident set of a process that does nothing but fit, sampled
every 5 ms; TensorFlow or torch is loaded and the bytes are in memory before.

    python benchmarks/convnet.py [rounds] [case ...]
"""

import statistics
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
from machine import describe

FILTERS, POOLS, BATCH = (32, 64, 64), (2, 2, None), 64
# Number of images, their shape, and the network.
CASES = {
    "28x28": (6000, (28, 28, 1), "plain"),
    "32x32x3": (2000, (32, 32, 3), "normalized"),
    "96x96x3": (400, (96, 96, 3), "plain"),
    "residual": (1000, (32, 32, 3), "residual"),
}
MNIST = Path(__file__).parents[2] / "shared" / "data" / "mnist_5k.npz"


def data(case):
    """Return bytes of shape (n, height, width, channels) and labels: digits, repeated, or noise."""
    n_images, shape, _ = CASES[case]
    if case == "28x28" and MNIST.exists():
        with np.load(MNIST) as found:
            rows = np.arange(n_images) % len(found["y"])
            return found["X"].reshape(-1, *shape)[rows], found["y"][rows].astype(np.int64)
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n_images, *shape), np.uint8), rng.integers(0, 10, n_images)


def residual(input_shape, rescale=1 / 255):
    """Return a network of three blocks, of which two halve height and width by strides."""
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = inputs if rescale is None else layers.Rescaling(rescale)(inputs)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    for filters, strides in (16, 1), (32, 2), (64, 2):
        y = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        if strides > 1:
            x = layers.Conv2D(filters, 1, strides)(x)
        x = layers.Activation("relu")(layers.Add()([x, y]))
    outputs = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


def with_skdl(X, y, network):
    from skdl import ConvNetClassifier, KerasClassifier
    from skdl._engine.compiled import store

    store.templates.clear()  # a new network is compiled anew
    settings = {"optimizer": "rmsprop", "batch_size": BATCH, "random_state": 0}
    if network == "residual":
        net = KerasClassifier(residual, **settings)
    else:
        net = ConvNetClassifier(
            FILTERS, pool_size=POOLS, batch_normalization=network == "normalized", **settings
        )
    return lambda epochs: net.set_params(epochs=epochs).fit(X, y)


def with_keras(X, y, network, floats=False):
    from skdl import build_convnet

    rescale = None if floats else 1 / 255
    if network == "residual":
        model = residual(X.shape[1:], rescale)
    else:
        model = build_convnet(
            X.shape[1:], 10, "softmax", filters=FILTERS, pool_size=POOLS,
            batch_normalization=network == "normalized", rescale=rescale, seed=0,
        )  # fmt: skip
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    X = X.astype(np.float32) / 255 if floats else X
    return lambda epochs: model.fit(X, y, batch_size=BATCH, epochs=epochs, verbose=0)


def with_keras_floats(X, y, network):
    return with_keras(X, y, network, floats=True)


def with_skorch(X, y, network):
    import torch
    from skorch import NeuralNetClassifier
    from torch.nn import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential

    class Scale(Module):
        def forward(self, images):
            return images.to(torch.float32) / 255

    torch.manual_seed(0)
    layers = [Scale()]
    for before, filters, pool in zip((X.shape[-1], *FILTERS), FILTERS, POOLS, strict=False):
        layers += [Conv2d(before, filters, 3), ReLU()]
        layers += [BatchNorm2d(filters)] * (network == "normalized") + (
            [MaxPool2d(pool)] if pool else []
        )
    X = np.ascontiguousarray(X.transpose(0, 3, 1, 2))
    n_inputs = Sequential(*layers, Flatten())(torch.tensor(X[:2])).shape[1]
    layers += [Flatten(), Linear(n_inputs, 64), ReLU(), Linear(64, 10)]
    net = NeuralNetClassifier(
        Sequential(*layers), criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.RMSprop,
        lr=0.001, batch_size=BATCH, train_split=None, iterator_train__shuffle=True, verbose=0,
    )  # fmt: skip
    return lambda epochs: net.set_params(max_epochs=epochs).fit(X, y)


LIBRARIES = {
    "skdl": with_skdl,
    "Keras": with_keras,
    "Keras, floats": with_keras_floats,
    "skorch": with_skorch,
}


def seconds(train, epochs):
    started = time.perf_counter()
    train(epochs)
    return time.perf_counter() - started


@cache
def trained(name, case):
    """Return the training function of a library, after a first epoch."""
    train = LIBRARIES[name](*data(case), CASES[case][-1])
    train(1)
    return train


def epoch(name, case):
    return (seconds(trained(name, case), 4) - seconds(trained(name, case), 1)) / 3


def first_fit(name, case):
    X, y = data(case)
    started = time.perf_counter()
    LIBRARIES[name](X, y, CASES[case][-1])(1)
    return time.perf_counter() - started


def in_turn(measure, case, processes, rounds):
    """Return the median of what each library measures, one after another in every round."""
    measured = {name: [] for name in processes}
    for _ in range(rounds):
        for name, process in processes.items():
            measured[name].append(process.submit(measure, name, case).result())
    return {name: statistics.median(values) for name, values in measured.items()}


def peak(name, case):
    """Print by how much resident memory grows at most during a fit of 3 epochs, in MB."""
    X, y = data(case)
    network = CASES[case][-1]
    some = slice(None, None, len(X) // BATCH)
    LIBRARIES[name](X[some].copy(), y[some], network)(1)  # the library itself is loaded
    process, done, highest = psutil.Process(), threading.Event(), [0]
    before = process.memory_info().rss

    def watch():
        while not done.wait(0.005):
            highest[0] = max(highest[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    LIBRARIES[name](X, y, network)(3)
    done.set()
    watcher.join()
    print((highest[0] - before) / 2**20)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(describe("torch", "skorch"))
    processes = {}
    for name in LIBRARIES:
        processes[name] = ProcessPoolExecutor(1, get_context("spawn"))
        try:
            processes[name].submit(first_fit, name, "28x28").result()  # which loads the library
        except ImportError:
            print(f"{name} is not installed: left out")
            processes.pop(name).shutdown()
    for case in sys.argv[2:] or CASES:
        megabytes = data(case)[0].nbytes / 2**20
        print(f"\n{CASES[case][0]} images, {megabytes:.1f} MB of bytes; medians of {rounds} rounds")
        measured = {n: p for n, p in processes.items() if (n, case) != ("skorch", "residual")}
        epochs, firsts = (in_turn(each, case, measured, rounds) for each in (epoch, first_fit))
        # The first table has the names alone, which other pages look for.
        show(case, "" if case == "28x28" else f"{case} ", epochs, firsts)
    for process in processes.values():
        process.shutdown()


def show(case, label, epochs, firsts):
    """Print the table of a case."""
    print(f"{'':22} {'epoch s':>8} {'/ skdl':>7} {'first fit s':>12} {'/ skdl':>7} {'MB more':>8}")
    for name in epochs:
        command = [sys.executable, __file__, "--peak", name, case]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(
            f"{label + name:22} {epochs[name]:8.3f} {epochs[name] / epochs['skdl']:7.2f} "
            f"{firsts[name]:12.3f} {firsts[name] / firsts['skdl']:7.2f} "
            f"{float(done.stdout.splitlines()[-1]):8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    peak(*sys.argv[2:]) if "--peak" in sys.argv else main()
