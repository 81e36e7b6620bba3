"""Small backbones for the tests, as users would write them: functions of a module."""

import os
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

from skdl import ConvNetClassifier

# A file in which `counted` notes its forward passes; set by tests, seen by their workers.
COUNTER = "SKDL_TEST_COUNTER"


class _Tiny:
    """An importable function whose name in test reports is the same in every process."""

    def __call__(self, input_shape=(None, None, 3)):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                keras.layers.Rescaling(0.25),
                keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="first"),
                keras.layers.BatchNormalization(name="normalization"),
                keras.layers.Conv2D(8, 2, padding="same", activation="relu", name="second"),
            ],
            name="tiny",
        )

    def __repr__(self):
        return "tiny"

    def __reduce__(self):
        return "tiny"  # is found in this module


tiny = _Tiny()


def tiny_function(input_shape=(None, None, 3)):
    """The same as a function, which OpenML can store by its name."""
    return tiny(input_shape)


@keras.saving.register_keras_serializable("skdl_tests")
class Counted(keras.layers.Layer):
    """Notes the number of images of each forward pass, one byte an image."""

    def call(self, inputs):
        import tensorflow as tf

        def note(x):
            with Path(os.environ[COUNTER]).open("ab") as file:
                file.write(b"." * int((x.numpy().reshape(len(x), -1).max(1) > 0).sum()))
            return x

        outputs = tf.py_function(note, [inputs], inputs.dtype)
        outputs.set_shape(inputs.shape)
        return outputs

    def compute_output_shape(self, input_shape):
        return input_shape


def counted(input_shape=(8, 8, 3)):
    """Return a network that counts the images that it sees (rows of zeros are filling)."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            Counted(),
            keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer="ones"),
        ]
    )


@lru_cache
def transfer():
    """Return what is to be transferred: a backbone, few images and labels, and many to test on.

    Digits lie anywhere in images of 12 x 12 pixels: where they always lie in the same place,
    random features are hard to beat. The backbone has seen 0 to 4 alone, the rest is 5 to 9, ten
    of each to learn from.
    """
    X, y = load_digits(return_X_y=True)
    known = np.tile(np.flatnonzero(y < 5), 3)
    net = ConvNetClassifier(
        (16, 32, 32), pool_size=(None, 2, 2), padding="same", epochs=10, random_state=0
    )
    model = net.fit(_shifted(X[known], 0), y[known]).model_
    base = keras.Model(model.inputs, model.get_layer("flatten").output, name="known_digits")
    few = np.concatenate([np.flatnonzero(y == label)[:10] for label in range(5, 10)])
    rest = np.setdiff1d(np.flatnonzero(y >= 5), few)
    return base, _shifted(X[few], 1), y[few], _shifted(X[rest], 2), y[rest]


def _shifted(X, seed):
    images = np.zeros((len(X), 12, 12), np.float32)
    for image, pixels, (top, left) in zip(
        images, X.reshape(-1, 8, 8), np.random.default_rng(seed).integers(0, 5, (len(X), 2)),
        strict=True,
    ):  # fmt: skip
        image[top : top + 8, left : left + 8] = pixels
    return images
