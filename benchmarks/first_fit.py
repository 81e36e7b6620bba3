"""The first fit in a new process on iris, with 10 epochs, and the fits after it.

Each library runs in processes of its own, in turn; TensorFlow and Keras are imported before the
clock starts.

    python benchmarks/first_fit.py [rounds]
"""

import json
import statistics
import subprocess
import sys
import time

from machine import describe


def measure(name):
    """Fit six times in this process and print the seconds of each."""
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    if name == "skdl":
        from skdl import DenseClassifier
        from skdl._engine.compiled import programs  # noqa: F401

        net = DenseClassifier((100,), epochs=10, random_state=0)
    else:
        import keras
        from scikeras.wrappers import KerasClassifier

        keras.ops.convert_to_tensor(0)

        def network():
            return keras.Sequential(
                [
                    keras.Input((4,)),
                    keras.layers.Dense(100, activation="relu"),
                    keras.layers.Dense(3, activation="softmax"),
                ]
            )

        net = KerasClassifier(
            network, loss="sparse_categorical_crossentropy", optimizer="adam", epochs=10,
            batch_size=32, verbose=0,
        )  # fmt: skip
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        net.fit(X, y)
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    found = {"skdl": [], "scikeras": []}
    for _ in range(rounds):
        for name, runs in found.items():
            command = [sys.executable, __file__, "--measure", name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
    print(describe("scikeras"))
    for name, runs in found.items():
        first = statistics.median(run[0] for run in runs)
        later = statistics.median(seconds for run in runs for seconds in run[1:])
        print(f"{name:9} first fit {first * 1e3:7.1f} ms, each later fit {later * 1e3:7.1f} ms")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure(sys.argv[2])
    else:
        main()
