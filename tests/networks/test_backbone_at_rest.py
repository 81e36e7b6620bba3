"""A backbone computes as in prediction, also in training and whatever its layers are."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss
from slow_cases import slow_but

from skdl import PretrainedFeatureClassifier, PretrainedFeatureExtractor, build_pretrained

layers = keras.layers


@keras.saving.register_keras_serializable("skdl_tests")
class Block(layers.Layer):
    """A layer made of others, which learns of training by its surroundings alone."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.BatchNormalization(momentum=0.5), layers.Dropout(0.5)]

    def build(self, shape):
        self.parts[0].build(shape)

    def call(self, inputs):
        return self.parts[1](self.parts[0](inputs))

    def compute_output_shape(self, shape):
        return shape


def over_pixels(layer):
    return [layers.Reshape((36, 4)), layer]


RANDOM = {
    "dropout": [layers.Dropout(0.5)],
    "spatial dropout": [layers.SpatialDropout2D(0.5)],
    "alpha dropout": [layers.AlphaDropout(0.5)],
    "noise": [layers.GaussianNoise(1.0), layers.GaussianDropout(0.5)],
    "called as in training": [lambda x: layers.Dropout(0.5)(x, training=True)],
    "batch normalisation": [layers.BatchNormalization(momentum=0.5)],
    "spectral normalisation": [layers.SpectralNormalization(layers.Conv2D(4, 1))],
    "augmentation": [layers.RandomFlip(), layers.RandomContrast(0.5), layers.RandomErasing(1.0)],
    "a pipeline": [layers.Pipeline([layers.RandomTranslation(0.5, 0.5)])],
    "recurrent": over_pixels(layers.LSTM(4, dropout=0.5, recurrent_dropout=0.5)),
    "both ways": over_pixels(layers.Bidirectional(layers.GRU(2, dropout=0.5))),
    "attention": over_pixels(lambda x: layers.MultiHeadAttention(2, 4, dropout=0.5)(x, x)),
    "plain attention": over_pixels(lambda x: layers.Attention(dropout=0.5)([x, x])),
    "by time": [layers.TimeDistributed(layers.Dropout(0.5))],
    "a network within": [keras.Sequential([keras.Sequential([layers.Dropout(0.5)]), Block()])],
    "a layer of layers": [Block()],
}
SLOW = {"recurrent", "both ways", "spectral normalisation", "augmentation"}


def backbone(names):
    x = inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 1)(x)
    for layer in (layer for name in names for layer in RANDOM[name]):
        x = layer(x)
    return keras.Model(inputs, x, name="random_layers")


@pytest.mark.parametrize(
    ("name", "sequential"),
    slow_but(
        [(name, False) for name in RANDOM if name not in SLOW],
        [*((name, False) for name in RANDOM), ("a layer of layers", True)],
    ),
)
def test_random_layers_rest(name, sequential):
    model = backbone([name])
    if sequential:
        model = keras.Sequential([keras.Input((6, 6, 3)), model], name="around")
    X = np.random.default_rng(0).normal(size=(16, 6, 6, 3)).astype(np.float32)
    kept = model.get_weights()
    expected = model(X, training=False)
    net = build_pretrained((6, 6, 3), 2, backbone=model, hidden_layer_sizes=(), dropout=0, seed=0)
    features = keras.Model(net.inputs[0], net.get_layer("flatten").input)
    for training in (True, False):
        assert_allclose(features(X, training=training), expected, rtol=1e-5, atol=1e-6)
        assert_allclose(net(X, training=training), net(X), rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(model.get_weights(), kept, strict=True):
        assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["EfficientNetB0", "ConvNeXtTiny", "EfficientNetV2B0", "MobileNetV3Small", "NASNetMobile"],
)
def test_networks_of_keras_rest(name):
    """Slow: builds hundreds of layers twice; the tests around have the same kinds of layers."""
    base = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    net = build_pretrained(
        (32, 32, 3), 2, backbone=base, pooling="avg", hidden_layer_sizes=(), dropout=0, seed=0
    )
    X = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)
    assert_allclose(net(X, training=True), net(X, training=False), rtol=1e-4, atol=1e-6)


def test_weights_that_cannot_move_have_one_loss():
    names = ["noise", "spatial dropout", "a layer of layers", "augmentation"]
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 6, 6, 3)), rng.integers(0, 2, 40)
    model = backbone(names)
    net = PretrainedFeatureClassifier(
        model, training="fine_tune", augmentation={"zoom": 0.0}, hidden_layer_sizes=(), dropout=0,
        fine_tune_from=model.layers[1].name, fine_tune_epochs=2, epochs=3, batch_size=16,
        learning_rate=1e-30, fine_tune_learning_rate=1e-30, random_state=0,
    ).fit(X, y, X_val=X, y_val=y)  # fmt: skip
    assert net.phases_ == 3 * ["augmented"] + 2 * ["fine_tune"]
    expected = log_loss(y, net.predict_proba(X))
    assert_allclose(net.history_["loss"], expected, rtol=1e-5)
    assert_allclose(net.history_["val_loss"], expected, rtol=1e-5)


def test_batch_normalisation_in_a_layer_is_not_tuned():
    model = backbone(["a layer of layers"])
    build_pretrained((6, 6, 3), 2, backbone=model, fine_tune_from=model.layers[1].name)
    assert [weight.path for weight in model.trainable_weights] == [
        weight.path for weight in model.layers[1].weights
    ]


def test_what_a_layer_was_adapted_to_counts():
    """Keras computes from copies of the mean and variance, which setting weights leaves behind."""
    X = np.random.default_rng(0).uniform(20, 220, (12, 8, 8, 3)).astype("float32")
    adapted = keras.layers.Normalization()
    adapted.adapt(X)
    inputs = keras.Input((8, 8, 3))
    backbone = keras.Model(inputs, keras.layers.Conv2D(4, 3, activation="relu")(adapted(inputs)))
    expected = backbone.predict(X, verbose=0).mean(axis=(1, 2))
    settings = {"preprocess": None, "pooling": "avg", "random_state": 0}
    found = PretrainedFeatureExtractor(backbone, **settings).fit_transform(X)
    assert_allclose(found, expected, rtol=1e-5)
    net = PretrainedFeatureClassifier(
        backbone, training="augmented", hidden_layer_sizes=(), dropout=0.0, epochs=1, **settings
    ).fit(X, np.arange(12) % 2)
    kernel, bias = net.model_.layers[-1].get_weights()
    probabilities = 1 / (1 + np.exp(-(expected @ kernel + bias)))
    assert_allclose(net.predict_proba(X)[:, 1:], probabilities, rtol=1e-5)
    assert_allclose(net.model_.predict(X, verbose=0), probabilities, rtol=1e-5)
