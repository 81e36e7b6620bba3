"""Layers of convolutional networks that change images: rescaling and augmentation."""

import keras
import numpy as np
import pytest
from convnets import CHANGES, build, images, names
from numpy.testing import assert_allclose, assert_array_equal


def test_rescaling_of_bytes():
    X = (images() * 255).astype(np.uint8)
    bytes_in, floats_in = build(rescale=1 / 255), build()
    assert bytes_in.inputs[0].dtype == "float32"  # bytes are cast, batch by batch
    expected = floats_in.predict(X.astype(np.float32) / 255, verbose=0)
    assert_allclose(bytes_in.predict(X, verbose=0), expected, atol=1e-6)
    for model, data in ((bytes_in, X), (floats_in, X.astype(np.float32) / 255)):
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(data, np.arange(6), batch_size=3, shuffle=False, epochs=2, verbose=0)
    for ours, theirs in zip(bytes_in.get_weights(), floats_in.get_weights(), strict=True):
        assert_allclose(ours, theirs, atol=1e-6)


def changed(augmentation, X, shape=(9, 9, 1), **parameters):
    """Return the images that the first convolution sees in training."""
    model = build(shape, augmentation=augmentation, **parameters)
    head = keras.Sequential([keras.Input(shape), *model.layers[: names(model).index("conv_1")]])
    return head(X, training=True).numpy(), head(X, training=False).numpy()


@pytest.mark.parametrize("key", CHANGES)
def test_augmentation_is_for_training_alone(key):
    X = images((9, 9, 1), 20)
    training, otherwise = changed({key: CHANGES[key]}, X)
    assert_array_equal(otherwise, X)
    n_changed = (training != X).any((1, 2, 3)).sum()
    assert n_changed >= (4 if key == "flip" else 18)
    again, _ = changed({key: CHANGES[key]}, X)
    assert_array_equal(again, training)
    other, _ = changed({key: CHANGES[key]}, X, seed=1)
    assert (other != training).any()


def test_flip_by_direction():
    X = images((9, 9, 1), 20)
    for direction, axis in (("horizontal", 2), ("vertical", 1)):
        training, _ = changed({"flip": direction}, X)
        flipped = np.flip(X, axis)
        as_it_was = (training == X).all((1, 2, 3))
        assert (as_it_was | (training == flipped).all((1, 2, 3))).all()
        assert 0 < as_it_was.sum() < 20


def test_augmentation_takes_arguments_of_the_keras_layer():
    X = images((9, 9, 1), 20)
    upwards = {"height_factor": (-0.34, -0.34), "width_factor": 0.0, "fill_mode": "constant"}
    training, _ = changed({"translation": upwards}, X)
    assert_allclose(training[:, :5], X[:, 3:8], atol=0.1)
    assert_allclose(training[:, 7:], 0, atol=1e-6)


def test_augmentation_without_effect_has_no_layer():
    none = {"rotation": 0, "flip": None, "zoom": 0.0}
    assert names(build(augmentation=none)) == names(build(augmentation=None)) == names(build())
    assert_array_equal(build(augmentation=none).get_weights()[0], build().get_weights()[0])


def test_the_dict_is_left_as_it_is_and_its_order_does_not_count():
    given = {"zoom": {"height_factor": 0.2}, "rotation": np.float32(0.1), "flip": "horizontal"}
    before = {**given, "zoom": dict(given["zoom"])}
    X = images((9, 9, 1))
    first, _ = changed(given, X)
    assert given == before
    assert list(given) == list(before)
    second, _ = changed(dict(reversed(given.items())), X)
    assert_array_equal(first, second)
