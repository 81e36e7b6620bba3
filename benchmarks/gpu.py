"""Training on a GPU: skdl compared with Keras on the same card, and whether two fits are equal.

The cases are those of `training.py` without the libraries that have no card, and those of
`convnet.py` on bytes. An epoch is measured as it is there. Then each case is fitted twice, and all
weights are compared bit by bit. Without a GPU that TensorFlow can use, the script says so and ends.

    python benchmarks/gpu.py [rounds]
"""

import statistics
import sys
import warnings

import convnet
import numpy as np
import training
from machine import describe

LIBRARIES = ("skdl", "Keras")
# Epochs that are timed, after as many as are not counted.
EPOCHS = {"small": 100, "validated": 100, "batch1": 3, "wide": 5, "narrow": 5, "dropout": 50}
EPOCHS |= dict.fromkeys(convnet.CASES, 3)


def case(name):
    """Return what makes the training function of a library, and the arguments that it takes."""
    module = convnet if name in convnet.CASES else training
    data = module.data(name)
    if module is convnet:
        data = *data, convnet.CASES[name][-1]
    return {"skdl": module.with_skdl, "Keras": module.with_keras}, data


def epoch(train, n_epochs):
    """Return the seconds of an epoch."""
    return (training.seconds(train, 1 + n_epochs) - training.seconds(train, 1)) / n_epochs


def equal_fits(make, data):
    """Tell whether the weights of two fits are equal to the last bit."""
    fits = [make(*data)(2).model_.get_weights() for _ in range(2)]
    return all(np.array_equal(a, b) for a, b in zip(*fits, strict=True))


def card():
    """Return the name of the first GPU of TensorFlow, None if there is none."""
    import skdl._engine.device  # noqa: F401 - loads TensorFlow as skdl does
    import tensorflow as tf  # isort: skip

    if not tf.config.list_physical_devices("GPU"):
        return None
    first = tf.config.list_physical_devices("GPU")[0]
    return tf.config.experimental.get_device_details(first).get("device_name", first.name)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    found = card()
    if found is None:
        print("TensorFlow finds no GPU: nothing is measured.")
        return
    print(describe())
    print(f"{found}; medians of {rounds} rounds")
    print(f"{'':10} {'equal fits':>10} {'skdl s':>9} {'Keras s':>9} {'/ skdl':>8}")
    for name, n_epochs in EPOCHS.items():
        makers, data = case(name)
        equal = equal_fits(makers["skdl"], data)
        trains = {library: makers[library](*data) for library in LIBRARIES}
        for train in trains.values():
            train(1 + n_epochs)
        taken = {library: [] for library in LIBRARIES}
        for _ in range(rounds):
            for library, train in trains.items():
                taken[library].append(epoch(train, n_epochs))
        ours, theirs = (statistics.median(taken[library]) for library in LIBRARIES)
        yes = "yes" if equal else "no"
        print(f"{name:10} {yes:>10} {ours:9.4f} {theirs:9.4f} {theirs / ours:8.2f}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
