"""Pretrained backbones: skdl's three ways to train compared with the same code in Keras.

The data are artificial photos (64 of 96 x 96 pixels, two classes) and a backbone with random
weights, which take as long as real ones. The head has 256 units and dropout 0.5. The cases are
measured in turn, `rounds` times, and medians are printed:

- extraction: `PretrainedFeatureExtractor.transform`, compared with Keras's preprocessing and
  `base.predict`, after both have been run before;
- again: the same from the cache;
- features: a fit of 20 epochs with training="features", compared with `base.predict` and `fit` of
  the head on its outputs;
- augmented: one epoch with training="augmented" (rotation, shifts, zoom, flips), compared with
  `fit` of the whole network; the difference between fits of 2 epochs and of 1.

    python benchmarks/pretrained.py [--backbone VGG16] [--rounds 3] [--images 64] [--size 96]
"""

import argparse
import statistics
import sys
import tempfile
import time

import keras
import numpy as np
from machine import describe

from skdl import PretrainedFeatureClassifier, PretrainedFeatureExtractor

AUGMENTATION = {"rotation": 40 / 360, "translation": 0.2, "zoom": 0.2, "flip": "horizontal"}
EPOCHS = 20
BATCH = 32


def head_layers():
    """Return the head as a user of Keras writes it."""
    return [
        keras.layers.Dense(256, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(1, activation="sigmoid"),
    ]


def compiled(model):
    model.compile("adam", "binary_crossentropy")
    return model


def by_hand(name, X, y, path):
    """Return functions of the cases in Keras."""
    function = getattr(keras.applications, name)
    base = function(include_top=False, weights=None, input_shape=X.shape[1:])
    base.load_weights(path)
    base.trainable = False
    preprocess = sys.modules[function.__module__].preprocess_input

    def features():
        found = base.predict(preprocess(X.astype(np.float32)), batch_size=BATCH, verbose=0)
        return found.reshape(len(X), -1)

    def train_head():
        inputs = features()
        head = compiled(keras.Sequential([keras.Input(inputs.shape[1:]), *head_layers()]))
        head.fit(inputs, y[:, None], BATCH, EPOCHS, verbose=0)

    inputs = keras.Input(X.shape[1:])
    x = keras.layers.RandomFlip("horizontal")(inputs)
    x = keras.layers.RandomRotation(AUGMENTATION["rotation"])(x)
    x = keras.layers.RandomTranslation(0.2, 0.2)(x)
    x = keras.layers.RandomZoom(0.2, 0.2)(x)
    x = keras.layers.Flatten()(base(preprocess(x), training=False))
    for layer in head_layers():
        x = layer(x)
    whole = compiled(keras.Model(inputs, x))

    def train_whole(epochs):
        whole.fit(X, y[:, None], BATCH, epochs, verbose=0)

    return features, train_head, train_whole


def with_skdl(name, X, y, path):
    """Return functions of the cases in skdl."""
    settings = {"backbone": name, "weights": path, "batch_size": BATCH, "random_state": 0}
    extractor = PretrainedFeatureExtractor(**settings).fit(X)
    head = PretrainedFeatureClassifier(**settings, epochs=EPOCHS)
    whole = PretrainedFeatureClassifier(**settings, training="augmented", augmentation=AUGMENTATION)
    return (
        lambda: extractor.transform(X),
        lambda: head.fit(X, y),
        lambda epochs: whole.set_params(epochs=epochs).fit(X, y),
    )


def seconds(function, *arguments):
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backbone", default="VGG16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--size", type=int, default=96)
    arguments = parser.parse_args()
    print(describe("pillow"))
    print(f"{arguments.images} images of {arguments.size} x {arguments.size}, {arguments.backbone}")
    rng = np.random.default_rng(0)
    shape = (arguments.images, arguments.size, arguments.size, 3)
    X, y = rng.integers(0, 256, shape, dtype=np.uint8), np.arange(arguments.images) % 2
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/base.weights.h5"
        function = getattr(keras.applications, arguments.backbone)
        function(include_top=False, weights=None, input_shape=shape[1:]).save_weights(path)
        libraries = {
            "skdl": with_skdl(arguments.backbone, X, y, path),
            "Keras": by_hand(arguments.backbone, X, y, path),
        }
        for features, train_head, train_whole in libraries.values():
            features()
            train_head()
            train_whole(1)
        found = {}
        for _ in range(arguments.rounds):
            for library, (features, train_head, train_whole) in libraries.items():
                measured = {
                    "extraction": seconds(features),
                    "features": seconds(train_head),
                    "augmented": seconds(train_whole, 2) - seconds(train_whole, 1),
                }
                for case, value in measured.items():
                    found.setdefault((case, library), []).append(value)
        cached = PretrainedFeatureExtractor(arguments.backbone, weights=path, memory=folder)
        cached.fit(X).transform(X)
        found["again", "skdl"] = [seconds(cached.transform, X) for _ in range(arguments.rounds)]
    print(f"{'':12} {'':8} {'seconds':>9} {'/ skdl':>8}")
    for (case, library), values in sorted(found.items()):
        median, ours = statistics.median(values), statistics.median(found[case, "skdl"])
        print(f"{case:12} {library:8} {median:9.3f} {median / ours:8.2f}")


if __name__ == "__main__":
    main()
