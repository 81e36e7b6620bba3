"""`layer` means the same in all displays: the number of a convolution, or a name."""

import keras
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import layers

from skdl import (
    ConvNetClassifier,
    FeatureMapDisplay,
    FilterDisplay,
    GradCAMDisplay,
    KerasClassifier,
)

matplotlib.use("Agg")
RNG = np.random.default_rng(0)
X = RNG.uniform(size=(12, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    return ConvNetClassifier((2, 3, 4), epochs=1, random_state=0).fit(X, np.arange(12) % 2)


def titles(net, layer):
    drawn = [
        FilterDisplay.from_estimator(net, layer),
        FeatureMapDisplay.from_estimator(net, X[:1], layer),
    ]
    for each in drawn:
        plt.close(each.figure_)
    return {each.layer_name for each in drawn}


def test_numbers_count_from_either_end_as_in_python(net):
    convolutions = [each for each in net.model_.layers if isinstance(each, layers.Conv2D)]
    for number in (0, 2, -1, -3, np.int64(1)):
        name = convolutions[number].name
        assert titles(net, number) == titles(net, name) == {name}
        maps = [
            GradCAMDisplay.from_estimator(net, X[:2], layer=each).maps for each in (number, name)
        ]
        np.testing.assert_array_equal(*maps)
        plt.close("all")


@pytest.mark.parametrize("layer", [3, -4, True, 1.0, None, "conv_9"])
def test_other_numbers_and_names_are_refused_alike(net, layer):
    draws = [
        lambda: FilterDisplay.from_estimator(net, layer),
        lambda: FeatureMapDisplay.from_estimator(net, X[:1], layer),
        lambda: GradCAMDisplay.from_estimator(net, X[:1], layer=layer),
    ]
    if layer is None:  # the last convolution, for Grad-CAM
        draws.pop()
    net.feature_maps(X[:1], 1)  # 1 is no reason to take True
    messages = set()
    for draw in draws:
        with pytest.raises(ValueError, match="is neither the number of a convolution") as error:
            draw()
        messages.add(str(error.value))
    (message,) = messages
    assert message.startswith(f"layer={layer!r}")
    assert "from 0 to 2, or from -3 to -1" in message
    assert net.model_.layers[-1].name in message


def test_convolutions_of_all_kinds_are_counted():
    class Plain(layers.Conv2D):
        """A convolution of another name."""

    model = keras.Sequential(
        [keras.Input((8, 8, 2)), layers.DepthwiseConv2D(3, name="deep"), Plain(3, 2, name="plain")]
    )
    assert FilterDisplay.from_model(model, 1).layer_name == "plain"
    assert FilterDisplay.from_model(model, -1).kernels.shape == (2, 2, 2, 3)
    with pytest.raises(ValueError, match=r"layer=0 is a DepthwiseConv2D.*name of a Conv2D: plain"):
        FilterDisplay.from_model(model)


def two_convolutions(meta, first="first", second="second"):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, padding="same", name=first),
            keras.layers.Conv2D(2, 3, padding="same", name=second),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def test_a_name_is_that_of_a_layer_of_this_network():
    """Networks that differ in names alone share their programs."""
    X, y = np.random.default_rng(0).random((12, 8, 8, 1)).astype(np.float32), np.arange(12) % 2
    one = KerasClassifier(two_convolutions, epochs=1, random_state=0).fit(X, y)
    names = {"first": "second", "second": "first"}
    other = KerasClassifier(two_convolutions, model_params=names, epochs=1, random_state=0)
    other.fit(X, y)

    def maps(net, layer):
        return GradCAMDisplay.from_estimator(net, X[:2], layer=layer).maps

    for number, (name, name_of_other) in enumerate([("first", "second"), ("second", "first")]):
        expected = maps(one, number)
        np.testing.assert_array_equal(maps(one, name), expected)
        np.testing.assert_array_equal(maps(other, name_of_other), expected)
    assert not np.array_equal(maps(one, 0), maps(one, 1))
