"""Networks whose images have their channels first: the same maps and pictures as with them last."""

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

from skdl import GradCAMDisplay, ImageGridDisplay, KerasClassifier


def build(n_outputs, output_activation, channels="channels_first"):
    first = channels == "channels_first"
    start = keras.initializers.GlorotUniform
    inputs = keras.Input((3, 8, 6) if first else (8, 6, 3))
    convolution = layers.Conv2D(
        4, 3, activation="relu", data_format=channels, kernel_initializer=start(1)
    )
    x = layers.GlobalAveragePooling2D(data_format=channels)(convolution(inputs))
    last = layers.Dense(n_outputs, activation=output_activation, kernel_initializer=start(2))
    return keras.Model(inputs, last(x))


@pytest.fixture(scope="module")
def data():
    images = np.random.default_rng(0).random((40, 8, 6, 3))
    y = np.where(images[..., 0].mean(axis=(1, 2)) > 0.5, "red", "blue")
    return {"channels_last": images, "channels_first": np.moveaxis(images, -1, 1)}, y


@pytest.fixture(scope="module")
def nets(data):
    images, y = data
    return {
        name: KerasClassifier(build, model_params={"channels": name}, epochs=2, random_state=0).fit(
            X, y
        )
        for name, X in images.items()
    }


def test_maps_and_images(plt, data, nets):
    shown = {
        name: GradCAMDisplay.from_estimator(net, data[0][name][:4], target="red")
        for name, net in nets.items()
    }
    last, first = shown["channels_last"], shown["channels_first"]
    assert last.maps.max() > 0
    assert_allclose(first.maps, last.maps, atol=1e-4)
    assert_array_equal(first.images, last.images)
    assert first.images.shape == (4, 8, 6, 3)
    assert first.captions == last.captions


def test_grids_of_images(plt, data, nets):
    images, y = data
    search = GridSearchCV(nets["channels_first"], {"epochs": [1]}, cv=2)
    search.fit(images["channels_first"], y)
    for net in (nets["channels_first"], search):
        display = ImageGridDisplay.from_estimator(
            net, images["channels_first"], y, only=None, max_images=3
        )
        assert_allclose(display.images, images["channels_last"][:3], rtol=1e-6)
