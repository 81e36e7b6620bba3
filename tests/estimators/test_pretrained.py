"""`PretrainedFeatureClassifier`: the three ways to train on a pretrained network."""

import os
import pickle
from pathlib import Path

import keras
import numpy as np
import pytest
from backbones import tiny, transfer
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from slow_cases import slow_but
from tiny_pretrained import COURSE_IMAGES, IMAGES, LABELS, TRAININGS, net

from skdl import PretrainedFeatureClassifier, build_pretrained

COURSE = {"weights": None, "optimizer": "rmsprop", "epochs": 1, "batch_size": 20}
HEAD, TUNED = 2_097_665, 7_079_424


def test_exact_counts_of_the_course_material():
    frozen = PretrainedFeatureClassifier(training="augmented", **COURSE)
    images = frozen._learn_inputs(frozen._validated(COURSE_IMAGES))
    model = frozen._new_network(images, frozen._make_targets([0, 1]), 0)._template().model
    assert model.count_params() == 16_812_353
    assert n_trainable(model) == HEAD
    shape, layer = COURSE_IMAGES.shape[1:], frozen.fine_tune_from
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=shape)
    model = build_pretrained(shape, 1, "sigmoid", backbone=base, fine_tune_from=layer)
    assert model.count_params() == 16_812_353
    assert n_trainable(model) == HEAD + TUNED


@pytest.mark.slow
def test_training_of_the_course_material():
    """Slow: seventeen million weights, in two phases."""
    augmentation = {
        "rotation": 40 / 360,
        "translation": 0.2,
        "shear": 0.2,
        "zoom": 0.2,
        "flip": "horizontal",
    }
    head = PretrainedFeatureClassifier(
        training="fine_tune", augmentation=augmentation, fine_tune_epochs=1, **COURSE
    ).fit(COURSE_IMAGES, [0, 1])
    assert head.model_.count_params() == 16_812_353
    assert n_trainable(head.model_) == HEAD + TUNED
    assert head.phases_ == ["augmented", "fine_tune"]


def n_trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("training", slow_but(["features", "fine_tune"], TRAININGS))
def test_one_model_from_images_to_probabilities(training):
    fitted = net(training=training, metrics=["accuracy"]).fit(IMAGES, LABELS)
    probabilities = fitted.predict_proba(IMAGES)
    by_keras = fitted.model_.predict(IMAGES, verbose=0)
    assert_allclose(probabilities[:, 1:], by_keras, atol=1e-6)
    assert fitted.model_ is fitted.model_
    assert fitted.model_.input_shape == (None, 6, 6, 3)
    measured = fitted.model_.evaluate(IMAGES, LABELS[:, None], verbose=0, return_dict=True)
    assert measured["accuracy"] == pytest.approx(fitted.score(IMAGES, LABELS))
    expected = {"features": 3 * ["features"], "augmented": 3 * ["augmented"]}
    phases = expected.get(training, 3 * ["features"] + 2 * ["fine_tune"])
    assert fitted.phases_ == phases
    assert {name: len(values) for name, values in fitted.history_.items()} == {
        "accuracy": len(phases),
        "loss": len(phases),
    }
    assert fitted.n_iter_ == len(phases)


@pytest.mark.slow
def test_the_model_is_one_file_of_keras(tmp_path):
    augmentation = {"flip": "horizontal", "rotation": 0.1}
    fitted = net(training="fine_tune", augmentation=augmentation, preprocess="VGG16")
    fitted.fit(IMAGES, LABELS).model_.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_allclose(
        loaded.predict(IMAGES, verbose=0), fitted.predict_proba(IMAGES)[:, 1:], atol=1e-6
    )
    names = [layer.name for layer in loaded.layers if hasattr(layer, "name")]
    assert {"flip", "rotation", "preprocessing", "tiny", "flatten", "output"} <= {*names}


@pytest.mark.parametrize("training", slow_but(["fine_tune"], TRAININGS))
def test_clones_pickles_and_seeds(training):
    fitted = net(training=training).fit(IMAGES, LABELS)
    expected = fitted.predict_proba(IMAGES)
    fitted.model_  # noqa: B018 - is built, and shares the variables
    assert_array_equal(fitted.predict_proba(IMAGES), expected)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(IMAGES), expected)
    assert_array_equal(clone(fitted).fit(IMAGES, LABELS).predict_proba(IMAGES), expected)
    assert fitted.set_params(random_state=1).fit(IMAGES, LABELS).predict_proba(IMAGES).any()
    assert np.abs(fitted.predict_proba(IMAGES) - expected).max() > 1e-4


@pytest.mark.parametrize("training", TRAININGS)
def test_frozen_weights_stay_to_the_bit(training):
    model = tiny((6, 6, 3))
    before = {w.path.split("/", 1)[-1]: w.numpy() for w in model.weights}
    fitted = net(training=training, backbone=model, weights="imagenet").fit(IMAGES, LABELS)
    base = fitted.model_.get_layer("tiny")
    for weight in base.weights:
        name = weight.path.split("tiny/", 1)[-1]
        same = np.array_equal(weight.numpy(), before[name])
        assert same == (training != "fine_tune" or not name.startswith("second")), name
    trained = {w.path.split("/")[-2] for w in fitted.model_.trainable_weights}
    tuned = {"second"} if training == "fine_tune" else set()
    assert trained == {"hidden_1", "output"} | tuned
    for value, old in zip(model.get_weights(), before.values(), strict=True):
        assert_array_equal(value, old)  # the user's own model is as it was


def test_batch_normalisation_keeps_its_statistics_and_weights():
    fitted = net(training="fine_tune", fine_tune_from="first").fit(IMAGES, LABELS)
    base = fitted.model_.get_layer("tiny")
    normalization = base.get_layer("normalization")
    for values, expected in zip(normalization.get_weights(), (1, 0, 0, 1), strict=True):
        assert_array_equal(values, np.full(8, expected, np.float32))
    assert base.get_layer("first").trainable


def test_trained_as_the_same_network_in_keras():
    """The three ways, each beside `Model.fit` on the builder's network."""
    settings = {"dropout": 0.0, "shuffle": False, "optimizer": "sgd", "learning_rate": 0.1}
    by_features = net(**settings, kernel_initializer="zeros", hidden_layer_sizes=())
    by_features.fit(IMAGES, LABELS)
    whole = clone(by_features).set_params(training="augmented").fit(IMAGES, LABELS)
    assert_allclose(by_features.history_["loss"], whole.history_["loss"], rtol=1e-5)
    assert_allclose(by_features.predict_proba(IMAGES), whole.predict_proba(IMAGES), atol=1e-5)

    base = tiny((6, 6, 3))
    tuned = net(**settings, backbone=base, weights="imagenet", training="fine_tune")
    tuned.set_params(fine_tune_learning_rate=0.05).fit(IMAGES, LABELS)
    copy = keras.models.clone_model(base)
    copy.set_weights(base.get_weights())
    model = build_pretrained(
        (6, 6, 3), 1, "sigmoid", backbone=copy, preprocess=1 / 255, hidden_layer_sizes=8,
        dropout=0.0, seed=0,
    )  # fmt: skip
    head = clone(tuned).set_params(training="features", epochs=1, learning_rate=1e-12)
    head.fit(IMAGES, LABELS)  # the head as it starts, drawn by itself from the seed
    for layer in ("hidden_1", "output"):
        model.get_layer(layer).set_weights(head.model_.get_layer(layer).get_weights())
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    first = model.fit(IMAGES, LABELS[:, None], 16, 3, shuffle=False, verbose=0)
    for layer in copy.layers:
        layer.trainable = layer.name == "second"
    copy.trainable = True
    for layer in copy.layers:
        layer.trainable = layer.name == "second"
    model.compile(keras.optimizers.SGD(0.05), "binary_crossentropy")
    second = model.fit(IMAGES, LABELS[:, None], 16, 2, shuffle=False, verbose=0)
    losses = first.history["loss"] + second.history["loss"]
    assert_allclose(tuned.history_["loss"], losses, rtol=1e-4)
    assert_allclose(tuned.model_.get_weights()[-1], model.get_weights()[-1], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_multiclass_and_multilabel_targets():
    labels = np.array(["a", "b", "c", "d"])[np.arange(40) % 4]
    fitted = net(training="fine_tune", class_weight="balanced").fit(IMAGES, labels)
    assert fitted.predict_proba(IMAGES).shape == (40, 4)
    assert set(fitted.predict(IMAGES)) <= set(labels)
    many = np.stack([LABELS, 1 - LABELS, LABELS], axis=1)
    assert net(training="augmented").fit(IMAGES, many).predict(IMAGES).shape == (40, 3)
    weight = np.where(np.arange(40) < 20, 0.0, 1.0)
    one = net().fit(IMAGES, LABELS, weight)
    assert_allclose(
        one.predict_proba(IMAGES), net().fit(IMAGES[20:], LABELS[20:]).predict_proba(IMAGES)
    )


@pytest.mark.slow
def test_dtypes():
    for dtype in ("float64", "mixed_bfloat16"):
        fitted = net(training="fine_tune", dtype=dtype).fit(IMAGES, LABELS)
        assert fitted.predict_proba(IMAGES).dtype == np.float64
        base = fitted.model_.get_layer("tiny")
        assert base.get_layer("first").dtype_policy.name == dtype


def test_float64_is_computed_in_float64():
    base = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Activation("linear")])
    X = np.full((4, 2, 2, 1), 1 + 1e-12)
    fitted = net(backbone=base, weights="imagenet", preprocess=None, dtype="float64", epochs=1)
    fitted.fit(X, [0, 1, 0, 1])
    assert fitted._features(fitted._inputs(fitted._validated(X, reset=False)), 4).min() > 1


def test_what_does_not_fit():
    with pytest.raises(
        ValueError, match=r"fine_tune_from='block5_conv1' is no layer .*first, norm"
    ):
        net(training="fine_tune", fine_tune_from="block5_conv1").fit(IMAGES, LABELS)
    net(fine_tune_from="block5_conv1").fit(IMAGES, LABELS)  # is not used
    with pytest.raises(ValueError, match="training"):
        net(training="all").fit(IMAGES, LABELS)
    fitted = net().fit(IMAGES, LABELS)
    before = fitted.predict_proba(IMAGES)
    with pytest.raises(ValueError, match="too small"):
        fitted.set_params(backbone="VGG16").fit(IMAGES, LABELS)
    assert_array_equal(fitted.predict_proba(IMAGES), before)
    with pytest.raises(ValueError, match="no layer of tiny"):
        build_pretrained((6, 6, 3), 1, backbone=tiny((6, 6, 3)), fine_tune_from="none")


@pytest.mark.slow
def test_summary(capsys):
    net(training="features").summary(IMAGES, LABELS)
    unfitted = capsys.readouterr().out
    net(training="features").fit(IMAGES, LABELS).summary()
    fitted = capsys.readouterr().out
    for text in (unfitted, fitted):
        assert "tiny" in text
        assert "hidden_1" in text


@pytest.mark.slow
@pytest.mark.parametrize("training", TRAININGS)
def test_what_was_learned_of_other_digits_helps(training):
    base, X, y, X_test, y_test = transfer()
    scores = {}
    for weights in ("imagenet", None):
        fitted = PretrainedFeatureClassifier(
            base, weights=weights, training=training, fine_tune_from="conv_3",
            fine_tune_epochs=5, epochs=40, batch_size=10, random_state=0,
        ).fit(X, y)  # fmt: skip
        scores[weights] = fitted.score(X_test, y_test)
    assert scores["imagenet"] > 0.6
    assert scores["imagenet"] > scores[None] + 0.1


@pytest.mark.slow
def test_a_real_vgg16(tmp_path, shared):
    """Slow: 15 million weights, and 1,200 images through 13 convolutions."""
    weights = os.environ.get("SKDL_VGG16_WEIGHTS", "")
    if not Path(weights).is_file():
        pytest.skip(
            "SKDL_VGG16_WEIGHTS names no weights file of keras.applications.VGG16 without its "
            "classes; tools/make_vgg16_weights.py in the folder of data writes one"
        )
    with np.load(shared / "data" / "mnist_5k.npz") as data:
        X, y = data["X"].reshape(-1, 28, 28), data["y"]
    rows = np.random.default_rng(0).permutation(len(X))[:400]
    X, y = X[rows], y[rows]
    settings = {"image_shape": (48, 48), "pooling": "avg", "random_state": 0, "epochs": 40}
    settings |= {"memory": str(tmp_path), "learning_rate": 1e-3}
    scores = {}
    for given in (weights, None):
        fitted = PretrainedFeatureClassifier(weights=given, **settings).fit(X[:200], y[:200])
        scores[given] = fitted.score(X[200:], y[200:])
    assert scores[weights] > 0.7
    assert scores[weights] > scores[None] + 0.1
    tuned = PretrainedFeatureClassifier(
        weights=weights, training="fine_tune", fine_tune_epochs=1, **settings
    ).fit(X[:200], y[:200])
    assert tuned.score(X[200:], y[200:]) > 0.7
