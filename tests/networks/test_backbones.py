"""Backbones by name, object, function and file: preprocessing, weights, errors."""

import keras
import numpy as np
import pytest
from backbones import tiny
from numpy.testing import assert_allclose, assert_array_equal

from skdl import PretrainedFeatureClassifier, PretrainedFeatureExtractor
from skdl._engine.compiled import store
from skdl._networks.builders import backbones

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 32, 40, 3), dtype=np.uint8)
IMAGES[0, 0, 0] = 255


def preprocess_input(name):
    """Return Keras's own function for a name in keras.applications."""
    return getattr(keras.applications, FAMILIES[name]).preprocess_input


FAMILIES = {
    "VGG16": "vgg16",
    "ResNet50": "resnet50",
    "MobileNetV2": "mobilenet_v2",
    "EfficientNetB0": "efficientnet",
    "DenseNet121": "densenet",
    "InceptionV3": "inception_v3",
    "ConvNeXtTiny": "convnext",
    "NASNetMobile": "nasnet",
    "ResNet50V2": "resnet_v2",
    "MobileNetV3Small": "mobilenet_v3",
}


def nothing(channels=3):
    """Return a backbone whose features are what it is given."""
    return keras.Sequential(
        [keras.Input((None, None, channels)), keras.layers.Activation("linear")]
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_preprocessing_of_a_name_is_that_of_keras(name):
    extractor = PretrainedFeatureExtractor(nothing(), preprocess=name)
    expected = preprocess_input(name)(IMAGES.astype(np.float32)).reshape(3, -1)
    assert_allclose(extractor.fit_transform(IMAGES), expected, rtol=1e-5, atol=1e-4)
    as_fractions = extractor.fit_transform(IMAGES / 255)
    assert_allclose(as_fractions, expected, rtol=1e-5, atol=1e-3)
    grey = IMAGES[..., 0]
    expected = preprocess_input(name)(np.repeat(grey[..., None], 3, -1).astype(np.float32))
    assert_allclose(extractor.fit_transform(grey), expected.reshape(3, -1), rtol=1e-5, atol=1e-4)


def check_features_match_keras(name, folder):
    base = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=IMAGES.shape[1:]
    )
    path = str(folder / "base.weights.h5")
    base.save_weights(path)
    found = PretrainedFeatureExtractor(name, weights=path).fit_transform(IMAGES)
    inputs = preprocess_input(name)(IMAGES.astype(np.float32))
    expected = np.asarray(base(inputs, training=False)).reshape(3, -1)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_features_match_keras_by_hand(tmp_path):
    check_features_match_keras("VGG16", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121"])
def test_features_match_keras_by_hand_in_more_networks(name, tmp_path):
    """Slow: hundreds of layers are built and traced for each."""
    check_features_match_keras(name, tmp_path)


def test_preprocess_may_be_a_factor_or_nothing():
    pixels = IMAGES.reshape(3, -1).astype(np.float32)
    for preprocess, expected in ((None, pixels), ("auto", pixels), (0.5, pixels / 2)):
        extractor = PretrainedFeatureExtractor(nothing(), preprocess=preprocess)
        assert_array_equal(extractor.fit_transform(IMAGES), expected)


@pytest.mark.parametrize(
    ("name", "application"),
    [
        ("vgg16", "VGG16"),
        ("mobilenetv2_1.00_224", "MobileNetV2"),
        ("inception_v3", "InceptionV3"),
        ("my_vgg16", None),
        ("sequential", None),
    ],
)
def test_a_model_of_keras_keeps_its_preprocessing(name, application):
    assert backbones._application_of(name) == application


def test_forms_of_a_backbone_are_the_same_backbone(tmp_path):
    model = tiny((32, 40, 3))
    path = tmp_path / "model.keras"
    model.save(path)
    model.save_weights(tmp_path / "model.weights.h5")
    expected = PretrainedFeatureExtractor(model).fit_transform(IMAGES)
    forms = [
        PretrainedFeatureExtractor(path),
        PretrainedFeatureExtractor(str(path)),
        PretrainedFeatureExtractor(lambda: model),
        PretrainedFeatureExtractor(tiny, weights=tmp_path / "model.weights.h5"),
        PretrainedFeatureExtractor(tiny((32, 40, 3)), weights=str(tmp_path / "model.weights.h5")),
    ]
    for form in forms:
        assert_array_equal(form.fit_transform(IMAGES), expected)
    assert_allclose(expected, np.asarray(model(IMAGES.astype("f4"))).reshape(3, -1), rtol=1e-5)


def test_the_function_itself_is_its_name():
    by_function = backbones.find_backbone(keras.applications.VGG16, None, None, (32, 32))
    assert by_function == backbones.find_backbone("VGG16", None, None, (32, 32))


def test_the_model_of_the_user_is_left_as_it_is():
    model = tiny((8, 8, 3))
    model.layers[1].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    config, optimizer = model.get_config(), model.optimizer
    PretrainedFeatureExtractor(model, weights=None, random_state=0).fit(IMAGES[:, :8, :8])
    assert model.get_config() == config
    assert model.optimizer is optimizer
    assert [layer.trainable for layer in model.layers] == [True, False, True, True]
    for value, old in zip(model.get_weights(), before, strict=True):
        assert_array_equal(value, old)


def every_kind(input_shape=(6, 6, 3)):
    """Return a network of layers whose initialisers have names of their own."""
    inputs = keras.Input(input_shape)
    x = keras.layers.DepthwiseConv2D(2, padding="same")(inputs)
    x = keras.layers.SeparableConv2D(4, 2, padding="same")(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Reshape((36, 4))(x)
    x = keras.layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x)
    return keras.Model(inputs, keras.layers.Reshape((6, 6, 4))(x))


def test_random_weights_come_from_random_state():
    X = IMAGES[:, :6, :6]
    first, again, other = (
        PretrainedFeatureExtractor(every_kind, weights=None, random_state=seed).fit(X)
        for seed in (0, 0, 1)
    )
    assert_array_equal(first.transform(X), again.transform(X))
    pairs = zip(first.model_.weights, other.model_.weights, strict=True)
    drawn = [w for w, o in pairs if "bias" not in w.path and "norm" not in w.path]
    others = {w.path: w.numpy() for w in other.model_.weights}
    assert len(drawn) == 7
    for weight in drawn:
        assert (weight.numpy() != others[weight.path]).all(), weight.path


def test_functions_share_programs_and_names_of_layers():
    store.templates.clear()
    found = [
        PretrainedFeatureExtractor(every_kind, weights=None, random_state=0).fit(IMAGES[:, :6, :6])
        for _ in range(2)
    ]
    assert len(store.templates) == 1
    names = [[layer.name for layer in net.model_.layers[-2].layers] for net in found]
    assert names[0] == names[1]
    assert {"depthwise_conv2d", "separable_conv2d"} < set(names[0])


def test_a_layer_within():
    extractor = PretrainedFeatureExtractor(tiny((8, 8, 3)), layer="first", pooling="avg")
    assert extractor.fit_transform(IMAGES[:, :8, :8]).shape == (3, 8)


# What does not fit.


def fit(backbone="VGG16", X=IMAGES, **parameters):
    settings = {"weights": None, **parameters}
    return PretrainedFeatureExtractor(backbone, **settings).fit(X)


def test_names_that_are_none():
    with pytest.raises(
        ValueError, match=r"backbone='vgg61'.*Did you mean 'VGG19' or 'VGG16'.*DenseNet121"
    ):
        fit("vgg61")
    with pytest.raises(ValueError, match=r"preprocess='Resnet50'.*Did you mean 'ResNet50'"):
        fit(preprocess="Resnet50")
    with pytest.raises(ValueError, match=r"layer='block9' is no layer of .*first, normalization"):
        fit(tiny((8, 8, 3)), X=IMAGES[:, :8, :8], layer="block9")


def test_images_below_the_minimum():
    with pytest.raises(
        ValueError, match=r"20 x 20 pixels.*VGG16.*image_shape to at least \(32, 32\)"
    ):
        fit(X=IMAGES[:, :20, :20])
    with pytest.raises(ValueError, match=r"31 x 40 pixels.*VGG16"):
        fit(image_shape=(31, 40))
    strided = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(2, 5), keras.layers.MaxPooling2D(3)]
    )
    with pytest.raises(ValueError, match=r"6 x 6 pixels are too small.*image_shape"):
        fit(strided, X=IMAGES[:, :6, :6])


def test_channels_and_sizes_that_do_not_fit():
    four = np.zeros((2, 32, 32, 4))
    with pytest.raises(ValueError, match=r"\(32, 32, 4\), but VGG16 takes 3 channels"):
        fit(X=four)
    with pytest.raises(ValueError, match=r"3\), but backbone=.*takes 1 channel\."):
        fit(nothing(1))
    with pytest.raises(ValueError, match=r"different sizes, such as \(4, 4, 3\) and \(5, 4, 3\)"):
        fit(X=[np.zeros((4, 4, 3)), np.zeros((5, 4, 3))])
    with pytest.raises(ValueError, match=r"image_shape=\(9, 9\) does not fit .*\(8, 8\)"):
        fit(tiny((8, 8, 3)), image_shape=(9, 9))
    for wrong in ((8,), (8, 8, 2), (0, 8), (8.5, 8)):
        with pytest.raises(ValueError, match="image_shape must be"):
            fit(tiny, image_shape=wrong)
    with pytest.raises(ValueError, match=r"pooling='avg' needs maps"):
        fit(
            lambda: keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()]),
            pooling="avg",
        )


def test_preprocessing_by_colour_needs_three_channels():
    grey = IMAGES[..., :1]
    for name in ("VGG16", "DenseNet121"):  # reversed channels; factors that differ
        with pytest.raises(
            ValueError, match=rf"preprocess='{name}' .* takes images of 1 channel\."
        ):
            fit(nothing(1), X=grey, preprocess=name)
    fit(nothing(1), X=grey, preprocess="MobileNetV2")


def test_names_of_the_layers_around_are_taken():
    X = np.tile(IMAGES[:, :8, :8], (2, 1, 1, 1))
    fitted = PretrainedFeatureClassifier(
        tiny((9, 9, 3)), training="augmented", augmentation={"flip": "horizontal", "zoom": 0.1},
        preprocess="VGG16", batch_normalization=True, epochs=1, pooling="avg",
    ).fit(X, [0, 1, 0, 1, 0, 1])  # fmt: skip
    taken = {getattr(part, "name", "") for part in fitted.model_.operations} - {"tiny"}
    assert {"inputs", "resizing", "pooling", "hidden_1_normalization", "output"} <= taken
    for name in (*taken, "flatten", "grey_to_colours"):
        model = tiny((8, 8, 3))
        model.name = name
        with pytest.raises(ValueError, match=rf"has the name '{name}'.*model\.name = 'base'"):
            fit(model, X=X)
    model.name = "base"
    assert fit(model, X=X).model_.get_layer("base").count_params() == model.count_params()


def test_models_that_are_no_backbones():
    class Subclassed(keras.Model):
        pass

    for model in (Subclassed(), keras.Sequential([keras.layers.Dense(3)])):
        with pytest.raises(ValueError, match="functional or sequential Keras model, already built"):
            fit(model)
    rows = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match=r"inputs \(None, 3\)"):
        fit(rows)
    with pytest.raises((TypeError, ValueError), match="backbone"):
        fit(3)
    with pytest.raises(TypeError, match=r"backbone must be .*received backbone=<Conv2D"):
        fit(keras.layers.Conv2D(4, 3))


def test_files_that_do_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"backbone='.*none\.keras' is no file"):
        fit(tmp_path / "none.keras")
    with pytest.raises(FileNotFoundError, match=r"weights='.*none\.h5' is no file"):
        fit(weights=str(tmp_path / "none.h5"))
    text = tmp_path / "text.weights.h5"
    text.write_text("no weights")
    with pytest.raises(OSError, match=r"text\.weights\.h5' cannot be read as a weights file"):
        fit(weights=text)
    model = tmp_path / "text.keras"
    model.write_text("no model")
    with pytest.raises(OSError, match=r"text\.keras' cannot be read as a Keras model"):
        fit(model)


def test_weights_of_another_network(tmp_path):
    one = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    two = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Conv2D(4, 3)]
    )
    wide = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3)])
    paths = {}
    for name, model in (("one", one), ("two", two), ("wide", wide)):
        paths[name] = str(tmp_path / f"{name}.weights.h5")
        model.save_weights(paths[name])
    X = IMAGES[:, :8, :8]
    fit(one, X=X, weights=paths["one"])
    message = r"are those of another network than backbone='sequential.*2 arrays, 112 values"
    for other in ("two", "wide"):
        with pytest.raises(ValueError, match=message):
            fit(one, X=X, weights=paths[other])
    with pytest.raises(ValueError, match="are those of another network than VGG16"):
        fit(weights=paths["one"])


# The weights that Keras distributes.

FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    backbones._application.cache_clear()
    yield tmp_path
    backbones._application.cache_clear()


def test_without_a_network_nothing_is_left_behind(keras_home, monkeypatch):
    def half(fname, origin, cache_dir, **_):
        with open(f"{cache_dir}/{fname}", "wb") as file:
            file.write(b"half")
        raise Exception(f"URL fetch failure on {origin}: None -- no network")

    monkeypatch.setattr(keras.utils, "get_file", half)
    place = keras_home / "models" / FILE
    with pytest.raises(OSError, match=FILE) as error:
        fit(weights="imagenet")
    for part in (str(place), "no network", "https://storage.googleapis.com", "weights=path"):
        assert part in str(error.value)
    assert [*place.parent.iterdir()] == []


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV3Small",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("ResNet50V2", "ConvNeXtTiny")),
    ],
)
def test_every_family_says_which_file_it_needs(keras_home, monkeypatch, name):
    def refused(fname, origin, **_):
        raise Exception("no network")

    monkeypatch.setattr(keras.utils, "get_file", refused)
    with pytest.raises(OSError, match=r"weights='imagenet' needs the file \S+\.h5"):
        fit(name, weights="imagenet", X=np.zeros((2, 32, 32, 3), np.uint8))


def test_a_file_in_its_place_is_used(keras_home):
    import h5py

    base = keras.applications.VGG16(include_top=False, weights=None)
    (keras_home / "models").mkdir()
    with h5py.File(keras_home / "models" / FILE, "w") as file:  # the form of the file at Keras
        file.attrs["layer_names"] = [layer.name.encode() for layer in base.layers]
        for layer in base.layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [w.path.encode() for w in layer.weights]
            for weight in layer.weights:
                group[weight.path] = weight.numpy()
    X = IMAGES[:, :, :32]
    extractor = PretrainedFeatureExtractor().fit(X)
    inputs = keras.applications.vgg16.preprocess_input(X.astype(np.float32))
    expected = np.asarray(base(inputs)).reshape(3, -1)
    assert_allclose(extractor.transform(X), expected, rtol=1e-4, atol=1e-4)
    assert extractor.model_.get_layer("vgg16").count_params() == 14_714_688
