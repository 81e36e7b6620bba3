"""The builder of convolutional networks: what it builds, from which seeds, and what it refuses."""

import random

import keras
import numpy as np
import pytest
from convnets import CHANGES, build, images, names, sizes
from numpy.testing import assert_allclose, assert_array_equal

from skdl import build_convnet
from skdl._engine.compiled.template import template_of
from skdl._networks.configuration import NetworkConfig

POLICIES = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16")


# The networks of well-known courses and books on MNIST, with their published sizes.
@pytest.mark.parametrize(
    ("parameters", "n_weights"),
    [
        ({"filters": (32, 64, 64), "pool_size": (2, 2, None)}, 93_322),
        ({"filters": (32, 32)}, 61_482),
        ({"filters": (8, 8), "batch_normalization": True}, 14_242),
        ({"filters": 8, "kernel_size": 4, "hidden_layer_sizes": 128}, 149_010),
        (
            {
                "filters": (8, 8),
                "kernel_size": 4,
                "pool_size": (None, 2),
                "hidden_layer_sizes": 128,
            },
            126_490,
        ),
        (
            {
                "filters": (32, 32),
                "pool_size": (None, 2),
                "conv_dropout": (0, 0.25),
                "hidden_layer_sizes": 128,
                "dropout": 0.5,
            },
            600_810,
        ),
        (
            {"filters": 32, "kernel_size": 5, "conv_dropout": 0.2, "hidden_layer_sizes": 128},
            592_074,
        ),
        (
            {
                "filters": (30, 15),
                "kernel_size": (5, 3),
                "conv_dropout": (0, 0.2),
                "hidden_layer_sizes": (128, 50),
            },
            59_933,
        ),
    ],
)
def test_number_of_weights(parameters, n_weights):
    assert build(**parameters).count_params() == n_weights
    as_lists = {k: list(v) if isinstance(v, tuple) else v for k, v in parameters.items()}
    assert build(**as_lists).count_params() == n_weights


def test_without_pooling():
    model = build(filters=(32, 64, 64), pool_size=None)
    convolutions = [layer for layer in model.layers if layer.name.startswith("conv")]
    assert sum(layer.count_params() for layer in convolutions) == 55_744
    assert model.get_layer("conv_3").output.shape == (None, 22, 22, 64)


def test_maps_of_a_larger_image():
    model = build((32, 32, 1), filters=10, kernel_size=5, hidden_layer_sizes=200)
    assert sizes(model) == [(28, 28), (14, 14)]
    assert model.get_layer("hidden_1").kernel.shape == (1960, 200)
    assert model.get_layer("hidden_1").count_params() == 392_200


def test_dilated_convolutions():
    model = build(filters=(16, 16, 16), dilation_rate=(1, 2, 4), pool_size=None)
    assert sizes(model) == [(26, 26), (22, 22), (14, 14)]
    same = build(filters=(16, 16), dilation_rate=[2, (3, 1)], padding="same", pool_size=None)
    assert sizes(same) == [(28, 28), (28, 28)]
    undilated = build(filters=(16, 16), padding="same", pool_size=None)
    assert same.count_params() == undilated.count_params()
    same.compile("sgd", "sparse_categorical_crossentropy")
    same.fit(images(), np.arange(6), epochs=1, verbose=0)


def test_order_of_the_layers():
    model = build(
        rescale=1 / 255,
        augmentation={"zoom": 0.1, "flip": "vertical"},
        batch_normalization=True,
        pool_size=(None, 2),
        conv_dropout=(0.1, 0),
        hidden_layer_sizes=(8,),
        dropout=0.5,
    )
    assert names(model) == [
        *("rescaling", "flip", "zoom"),
        *("conv_1", "conv_1_normalization", "conv_1_dropout"),
        *("conv_2", "conv_2_normalization", "conv_2_pooling"),
        *("flatten", "hidden_1", "hidden_1_dropout", "output"),
    ]
    assert model.get_layer("conv_1").activation is keras.activations.relu
    assert model.get_layer("conv_1_dropout").rate == 0.1


def test_equals_the_network_written_in_keras():
    ours = build(
        (14, 20, 3),
        filters=(4, 6, 5),
        kernel_size=(3, [2, 4], 3),
        strides=(1, (1, 2), 1),
        padding=("valid", "same", "same"),
        dilation_rate=(2, 1, 1),
        pool_size=((2, 3), None, 2),
        conv_dropout=0.3,
        activation="tanh",
        batch_normalization=True,
    )
    layers = keras.layers
    theirs = keras.Sequential(
        [
            keras.Input((14, 20, 3)),
            layers.Conv2D(4, 3, dilation_rate=2, activation="tanh"),
            layers.BatchNormalization(),
            layers.MaxPooling2D((2, 3)),
            layers.Conv2D(6, (2, 4), strides=(1, 2), padding="same", activation="tanh"),
            layers.BatchNormalization(),
            layers.Conv2D(5, 3, padding="same", activation="tanh"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    theirs.set_weights(ours.get_weights())
    X = images((14, 20, 3))
    assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), atol=1e-6)


def test_one_value_for_all_or_one_a_layer():
    def kernels(filters, kernel_size):
        model = build(filters=filters, kernel_size=kernel_size, pool_size=None)
        return [layer.kernel_size for layer in model.layers if layer.name.startswith("conv")]

    assert kernels((4, 4), 3) == [(3, 3), (3, 3)]
    assert kernels((4, 4), (5, 3)) == [(5, 5), (3, 3)]
    assert kernels((4, 4), [(5, 3), 2]) == [(5, 3), (2, 2)]
    assert kernels(4, [(5, 3)]) == [(5, 3)]
    assert kernels(np.array([4, 4]), np.array([5, 3])) == [(5, 5), (3, 3)]
    assert kernels((4, 4), np.array([[5, 3], [2, 1]])) == [(5, 3), (2, 1)]
    assert kernels((), 3) == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"kernel_size": (3, 3, 3)},
            r"kernel_size=\(3, 3, 3\) has length 3, but filters=.* has length 2",
        ),
        (
            {"filters": 8, "kernel_size": (5, 3)},
            r"kernel_size=\(5, 3\) has length 2.*has length 1.*a pair inside",
        ),
        ({"strides": [1]}, "strides=.* has length 1"),
        ({"padding": ["same"]}, "padding=.* has length 1"),
        ({"dilation_rate": (1, 1, 1)}, "dilation_rate=.* has length 3"),
        ({"pool_size": (2, None, 2)}, "pool_size=.* has length 3"),
        ({"conv_dropout": (0.5,)}, "conv_dropout=.* has length 1"),
        ({"filters": (8, 0)}, r"filters must be positive integers, received filters=\[8, 0\]"),
        ({"filters": -1}, "filters must be positive"),
        ({"kernel_size": 2.5}, "kernel_size must have positive integers .* received 2.5"),
        ({"kernel_size": [(1, 2, 3), 3]}, r"kernel_size must have .* received \(1, 2, 3\)"),
        ({"kernel_size": None}, "kernel_size must have .* received None"),
        ({"strides": 0}, "strides must have"),
        ({"padding": "causal"}, "padding must be 'valid' or 'same'.* received 'causal'"),
        ({"pool_size": (2, 0)}, "pool_size must have .* received 0"),
        ({"conv_dropout": 1.0}, r"conv_dropout must be in \[0, 1\).* received 1.0"),
        (
            {"strides": (1, 2), "dilation_rate": 2},
            r"strides=\(2, 2\) and dilation_rate=\(2, 2\) .* number 2 here",
        ),
        ({"shape": (28, 28)}, r"input_shape must be .* received input_shape=\(28, 28\)"),
        ({"shape": (28, 0, 1)}, "input_shape must be"),
        ({"augmentation": {"rotate": 0.1, "blur": 1}}, r"keys \['blur', 'rotate'\].*'rotation'"),
        ({"augmentation": {"rotation": 40}}, r"\['rotation'\] must be a frac.*degrees / 360.*40"),
        ({"augmentation": {"flip": "diagonal"}}, r"\['flip'\] must be .*RandomFlip.*'diagonal'"),
        ({"augmentation": {"flip": True}}, r"\['flip'\] must be .*received True"),
        ({"augmentation": {"flip": 1}}, r"\['flip'\] must be 'horizontal' or .*received 1"),
        ({"augmentation": {"shear": {"x_factor": -0.1}}}, r"\['shear'\] must be"),
        ({"augmentation": {"zoom": {"depth": 1}}}, r"\['zoom'\] must be .*RandomZoom.*'depth'"),
        ({"augmentation": {"shear": 2}}, r"\['shear'\] must be"),
    ],
)
def test_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        build(**parameters)


def test_seed_decides_weights():
    weights = [build(seed=seed, dropout=0.5).get_weights() for seed in (3, 3, 4)]
    for first, again, other in zip(*weights, strict=True):
        assert_array_equal(first, again)
        assert not first.any() or (first != other).any()
    assert (build(seed=None).get_weights()[0] != build(seed=None).get_weights()[0]).any()


def test_layers_do_not_share_seeds():
    model = build(filters=(4, 4, 4), padding="same", conv_dropout=0.5, augmentation=CHANGES)
    seeds = [int(v.numpy()[0]) for v in model.non_trainable_variables]
    assert len(set(seeds)) == len(seeds) == 3 + len(CHANGES)
    second, third = (model.get_layer(f"conv_{i}").kernel.numpy() for i in (2, 3))
    assert (second != third).any()


@pytest.mark.parametrize("initializer", ["he_normal", keras.initializers.RandomNormal(seed=5)])
def test_global_random_state_is_left_alone(initializer):
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    build(kernel_initializer=initializer, augmentation=CHANGES, conv_dropout=0.1, dropout=0.1)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_an_initializer_object_gets_the_seeds_of_the_network():
    model = build(kernel_initializer=keras.initializers.RandomNormal(0, 0.1, seed=5), seed=1)
    named = build(kernel_initializer={"class_name": "RandomNormal", "config": {"stddev": 0.1}})
    kernels = [m.get_layer("conv_1").kernel.numpy() for m in (model, named)]
    assert (kernels[0] != kernels[1]).any()


def test_the_engine_finds_the_seeds_in_the_same_order():
    """A program shared by all seeds starts from the weights that the builder would draw."""
    arguments = {
        "input_shape": (8, 8, 1),
        "n_outputs": 3,
        "output_activation": "softmax",
        "filters": (2, 3),
        "conv_dropout": (0.5, 0.0),
        "dropout": 0.5,
        "batch_normalization": True,
        "augmentation": CHANGES,
        "rescale": 1 / 255,
        "dtype": "float32",
    }
    loss = "sparse_categorical_crossentropy"
    config = NetworkConfig.of(build_convnet, arguments, "adam", None, loss, None)
    template = template_of(config, (), False)
    expected = config.compile(seed=7).variables
    found = template.initial_state(7, None)[: len(expected)]
    for values, variable in zip(found, expected, strict=True):
        assert_array_equal(values, variable.numpy(), err_msg=variable.path)


@pytest.mark.parametrize("dtype", POLICIES)
def test_every_dtype_policy(dtype):
    model = build(
        (8, 8, 3),
        filters=(4, 4),
        dtype=dtype,
        batch_normalization=True,
        conv_dropout=0.2,
        augmentation=CHANGES,
        rescale=1 / 255,
    )
    outputs = np.asarray(model(np.full((4, 8, 8, 3), 200, np.uint8), training=True), dtype=float)
    assert outputs.shape == (4, 10)
    assert_allclose(outputs.sum(1), 1, atol=0.02)
    conv = model.get_layer("conv_1")
    assert conv.compute_dtype == dtype.removeprefix("mixed_")
    assert conv.kernel.dtype == ("float32" if dtype.startswith("mixed") else dtype)
    inputs = build((8, 8, 3), dtype=dtype).inputs[0]
    assert inputs.dtype == ("float64" if dtype == "float64" else "float32")


def test_penalties_are_on_every_kernel():
    model = build((8, 8, 1), filters=(2,), hidden_layer_sizes=(3,), l1=0.1, l2=0.2)
    kernels = [model.get_layer(name).kernel.numpy() for name in ("conv_1", "hidden_1", "output")]
    expected = sum(0.1 * np.abs(k).sum() + 0.2 * (k**2).sum() for k in kernels)
    assert_allclose(float(sum(model.losses)), expected, rtol=1e-5)
    assert not build((8, 8, 1)).losses


def test_channels_are_last_whatever_keras_is_set_to():
    expected = build(augmentation=CHANGES, batch_normalization=True).predict(images(), verbose=0)
    setting = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        model = build(augmentation=CHANGES, batch_normalization=True)
        assert_array_equal(model.predict(images(), verbose=0), expected)
        model(images(), training=True)
    finally:
        keras.config.set_image_data_format(setting)


def test_a_network_saved_and_loaded(tmp_path):
    augmentation = {**CHANGES, "shear": {"x_factor": 0.2, "fill_mode": "constant", "fill_value": 1}}
    model = build(augmentation=augmentation, rescale=1 / 255, batch_normalization=True, dropout=0.1)
    X = (images() * 255).astype(np.uint8)
    model.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.slow
def test_learns_digits(digits):
    X, y = digits
    X = X.reshape(-1, 8, 8, 1).astype(np.float32)
    model = build((8, 8, 1), filters=(16,), augmentation={"translation": 0.1, "rotation": 0.02})
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X[:1200], y[:1200], batch_size=32, epochs=8, verbose=0)
    assert model.evaluate(X[1200:], y[1200:], verbose=0)[1] > 0.85
