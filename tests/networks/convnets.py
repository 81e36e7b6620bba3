"""Small convolutional networks, and what their layers are."""

import numpy as np

from skdl import build_convnet

CHANGES = {"flip": "horizontal", "rotation": 0.1, "translation": 0.2, "shear": 0.2, "zoom": 0.2}


def build(shape=(28, 28, 1), **parameters):
    return build_convnet(shape, 10, "softmax", **{"seed": 0, **parameters})


def images(shape=(28, 28, 1), n=6):
    return np.random.default_rng(0).random((n, *shape), dtype=np.float32)


def names(model):
    return [layer.name for layer in model.layers]


def sizes(model):
    return [layer.output.shape[1:3] for layer in model.layers if len(layer.output.shape) == 4]
