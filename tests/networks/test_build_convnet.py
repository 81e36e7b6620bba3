"""The builder of convolutional networks: what it builds, from which seeds, and what it refuses."""

import random
import re

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdl import build_convnet
from skdl._engine.compiled.template import template_of
from skdl._networks.configuration import NetworkConfig

POLICIES = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16")
CHANGES = {"flip": "horizontal", "rotation": 0.1, "translation": 0.2, "shear": 0.2, "zoom": 0.2}


def build(shape=(28, 28, 1), **parameters):
    return build_convnet(shape, 10, "softmax", **{"seed": 0, **parameters})


def images(shape=(28, 28, 1), n=6):
    return np.random.default_rng(0).random((n, *shape), dtype=np.float32)


def names(model):
    return [layer.name for layer in model.layers]


def sizes(model):
    return [layer.output.shape[1:3] for layer in model.layers if len(layer.output.shape) == 4]


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


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 13, 1), [(1, 11), (1, 5), (1, 3), (1, 1)]),
        ((8, 8, 3), [(6, 6), (3, 3), (1, 1)]),
        ((4, 1, 2), [(2, 1), (1, 1), (1, 1)]),
        ((1, 1, 1), [(1, 1), (1, 1)]),
    ],
)
def test_defaults_fit_any_image(shape, expected):
    model = build(shape)
    assert sizes(model) == expected
    assert np.isfinite(model.predict(images(shape), verbose=0)).all()


def test_kernels_and_pools_are_cut_to_the_map():
    model = build(
        (5, 9, 1), filters=(2, 2), kernel_size=7, dilation_rate=(1, 3), pool_size=(None, 4)
    )
    kernels = [model.get_layer(f"conv_{i}").kernel_size for i in (1, 2)]
    assert kernels == [(5, 7), (1, 1)]
    assert model.get_layer("conv_2_pooling").pool_size == (1, 3)
    dilated = build((5, 9, 1), filters=2, kernel_size=4, dilation_rate=3, pool_size=None)
    assert dilated.get_layer("conv_1").kernel_size == (2, 3)
    assert sizes(dilated) == [(2, 3)]


def _each(values):
    pairs = st.tuples(values, values)
    return values | st.lists(values | pairs, min_size=2, max_size=2)


def vanishes(image, pool_size, **parameters):
    """Tell whether a second convolution meets one pixel with something to step over or to pool."""
    first = {k: v[:1] if isinstance(v, list | tuple) else v for k, v in parameters.items()}
    pool = pool_size[:1] if isinstance(pool_size, list) else pool_size
    map_of_first = build((*image, 1), pool_size=pool, **first).get_layer("flatten").input.shape
    second = (v[1] if isinstance(v, list) else v for v in (pool_size, parameters.get("strides")))
    pools, steps = (np.max(v if v is not None else 1) for v in second)
    given = steps > 1 or (pools > 1 and pool_size != 2)
    return image != (1, 1) and map_of_first[1:3] == (1, 1) and given


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    kernel_size=_each(st.integers(1, 6)),
    steps=_each(st.integers(1, 4)),
    dilated=st.booleans(),
    padding=st.sampled_from(["valid", "same", ("same", "valid")]),
    pool_size=st.none() | _each(st.integers(1, 5)),
)
def test_maps_hold_pixels_or_the_network_is_refused(
    height, width, kernel_size, steps, dilated, padding, pool_size
):
    image = (height, width)
    parameters = {"filters": (1, 2), "kernel_size": kernel_size, "padding": padding}
    parameters["dilation_rate" if dilated else "strides"] = steps
    if vanishes(image, pool_size, **parameters):
        with pytest.raises(ValueError, match="The maps vanish"):
            build((*image, 1), pool_size=pool_size, **parameters)
        parameters.pop("strides", None)  # nothing beyond the defaults is given: all is cut
        assert build((*image, 1), **parameters).count_params() > 0
        return
    model = build((*image, 1), pool_size=pool_size, hidden_layer_sizes=(), **parameters)
    assert all(size >= 1 for pair in sizes(model) for size in pair)
    assert model.count_params() > 0


@pytest.mark.parametrize(
    ("shape", "parameters", "shown"),
    [
        (
            (28, 28, 1),
            {"filters": (8,) * 5, "strides": 3, "pool_size": None},
            "image 28 x 28, convolution 1 9 x 9, convolution 2 3 x 3, convolution 3 1 x 1",
        ),
        (
            (28, 28, 3),
            {"filters": (8,) * 5, "pool_size": 4},
            "image 28 x 28, convolution 1 26 x 26, pooling 6 x 6, convolution 2 4 x 4, pooling 1",
        ),
        (
            (8, 8, 1),
            {"filters": (4, 4, 4), "pool_size": (2, 2, 2)},
            "image 8 x 8, convolution 1 6 x 6, pooling 3 x 3, convolution 2 1 x 1",
        ),
        (
            (1, 5, 1),
            {"strides": (1, (1, 2)), "kernel_size": 4},
            "image 1 x 5, convolution 1 1 x 2, pooling 1 x 1",
        ),
    ],
)
def test_vanishing_maps_are_shown_layer_by_layer(shape, parameters, shown):
    with pytest.raises(ValueError, match=f"The maps vanish: after {shown}") as caught:
        build(shape, **parameters)
    given = {"strides": 1, "pool_size": 2} | parameters
    for part in ("strides", "pool_size"):
        assert caught.match(re.escape(f"{part}={given[part]!r}"))


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ((28, 28, 1), {"filters": (4,) * 7}),  # the default pooling goes as far as it can
        ((28, 28, 1), {"filters": (4,) * 7, "pool_size": [2, 2, 2, *[None] * 4]}),
        ((28, 28, 1), {"filters": (4,) * 4, "strides": 3, "padding": "same", "pool_size": None}),
        ((2, 40, 1), {"filters": (4, 4, 4), "strides": 2, "pool_size": None}),  # narrow, not gone
        ((1, 1, 3), {"filters": (4, 4), "strides": 2, "pool_size": (3, 3)}),  # it was one pixel
    ],
)
def test_maps_that_do_not_vanish(shape, parameters):
    assert min(min(pair) for pair in sizes(build(shape, **parameters))) >= 1


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


def test_learns_digits(digits):
    X, y = digits
    X = X.reshape(-1, 8, 8, 1).astype(np.float32)
    model = build((8, 8, 1), filters=(16,), augmentation={"translation": 0.1, "rotation": 0.02})
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X[:1200], y[:1200], batch_size=32, epochs=8, verbose=0)
    assert model.evaluate(X[1200:], y[1200:], verbose=0)[1] > 0.85
