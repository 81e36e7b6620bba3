"""`ConvNetClassifier`: images in any form in, labels out."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from slow_cases import slow_but

from skdl import ConvNetClassifier, FilterDisplay, ImageReshaper

COUNTS = {
    "A11": ({"filters": (32, 64, 64), "pool_size": (2, 2, None)}, 93_322),
    "B4": ({"filters": (32, 32)}, 61_482),
    "B5": ({"filters": (8, 8), "batch_normalization": True}, 14_242),
    "C2": ({"filters": 8, "kernel_size": 4, "hidden_layer_sizes": 128}, 149_010),
    "D4": (
        {"filters": (30, 15), "kernel_size": (5, 3), "hidden_layer_sizes": (128, 50)},
        59_933,
    ),
}


@pytest.mark.parametrize("name", slow_but(["B5", "D4"], COUNTS))
def test_exact_parameter_counts_from_rows_of_pixels(name):
    parameters, expected = COUNTS[name]
    X = np.zeros((40, 784), np.uint8)
    X[0] = 255
    net = ConvNetClassifier(epochs=1, random_state=0, **parameters).fit(X, np.arange(40) % 10)
    assert net.model_.count_params() == expected
    assert net.image_shape_ == (28, 28, 1)


def net(**parameters):
    settings = {"filters": (8, 16), "epochs": 6, "random_state": 0}
    return ConvNetClassifier(**settings | parameters)


def test_forms_of_images_are_the_same_images(digits):
    rows = (digits[0][:300] * 16).astype(np.float32)
    y = digits[1][:300]
    expected = net(epochs=2).fit(rows, y).predict_proba(rows)
    forms = [
        rows.reshape(-1, 8, 8),
        rows.reshape(-1, 8, 8, 1),
        rows.astype(np.int64),
        pd.DataFrame(rows, columns=[f"p{i}" for i in range(64)]),
        scipy.sparse.csr_matrix(rows),
    ]
    for X in forms:
        fitted = net(epochs=2).fit(X, y)
        assert fitted.scale_ == 1 / 16
        assert_allclose(fitted.predict_proba(X), expected, atol=1e-6)
        if not hasattr(X, "columns"):
            assert_allclose(fitted.predict_proba(rows), expected, atol=1e-6)
    given = net(epochs=2, image_shape=(4, 16)).fit(rows, y)
    assert given.image_shape_ == (4, 16, 1)


def test_bytes_stay_bytes_and_train_alike(digits):
    pixels = (digits[0][:300] * 255).astype(np.uint8)
    as_bytes = net().fit(pixels, digits[1][:300])
    scaled = net(rescale=None).fit(pixels / 255, digits[1][:300])
    assert as_bytes.scale_ == 1 / 255
    assert as_bytes._inputs(as_bytes._validated(pixels, reset=False)).dtype == np.uint8
    assert_allclose(as_bytes.predict_proba(pixels), scaled.predict_proba(pixels / 255), atol=1e-4)
    assert_allclose(
        as_bytes.predict_proba(pixels.astype(float)), as_bytes.predict_proba(pixels), atol=1e-6
    )
    images = pixels[:5].reshape(-1, 8, 8, 1)
    by_keras = as_bytes.model_.predict(images, verbose=0)
    assert_allclose(by_keras, as_bytes.predict_proba(pixels[:5]), atol=1e-5)


@pytest.mark.slow
def test_digits(digits):
    X, y = digits
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    digits_net = ConvNetClassifier(pool_size=(None, 2), epochs=30, random_state=0)
    scores = cross_val_score(digits_net, X, y, cv=folds)
    assert scores.mean() > 0.98


@pytest.mark.slow
def test_searches_pipelines_and_predictions_over_folds(digits):
    X, y = digits[0][:400], digits[1][:400]
    search = GridSearchCV(
        net(epochs=20), {"filters": [4, (4, 8)], "kernel_size": [2, 3]}, cv=2
    ).fit(X, y)
    assert search.best_score_ > 0.5
    pipeline = make_pipeline(ImageReshaper((8, 8)), net(epochs=25))
    assert (cross_val_predict(pipeline, X, y, cv=2) == y).mean() > 0.6
    grid = {"augmentation": [None, {"translation": 0.05}]}
    assert GridSearchCV(net(epochs=3), grid, cv=2).fit(X, y).best_score_ > 0.3


def test_augmentation_is_seeded_and_rests_at_predict(digits):
    X, y = digits[0][:200], digits[1][:200]
    augmentation = {"rotation": 0.03, "translation": 0.1, "zoom": 0.1, "shear": 0.1}
    first, again = (net(augmentation=augmentation, epochs=3).fit(X, y) for _ in range(2))
    assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert_array_equal(first.predict_proba(X), first.predict_proba(X))
    assert first.history_ == again.history_
    assert first.history_ != net(epochs=3).fit(X, y).history_


def test_feature_maps_and_filters(digits):
    X, y = digits[0][:100], digits[1][:100]
    fitted = net(epochs=1).fit(X, y)
    maps = fitted.feature_maps(X[:3])
    assert maps.shape == (3, 6, 6, 8)
    first = next(layer for layer in fitted.model_.layers if "Conv" in type(layer).__name__)
    kernel, bias = first.get_weights()
    patch = X[0].reshape(8, 8)[:3, :3] * fitted.scale_
    expected = np.maximum((kernel[:, :, 0, :] * patch[:, :, None]).sum((0, 1)) + bias, 0)
    assert_allclose(maps[0, 0, 0], expected, atol=1e-5)
    assert fitted.feature_maps(X[:3], 1).shape[-1] == 16
    assert fitted.feature_maps(X[:3], "flatten").ndim == 2
    with pytest.raises(ValueError, match=r"layer=7 .*from 0 to 1.*flatten"):
        fitted.feature_maps(X, 7)
    import matplotlib

    matplotlib.use("Agg")
    display = FilterDisplay.from_estimator(fitted, layer=0)
    assert len(display.images_) == 8


def test_images_that_do_not_fit(digits):
    X, y = digits[0][:60], digits[1][:60]
    fitted = net(epochs=1).fit(X.reshape(-1, 8, 8), y)
    with pytest.raises(ValueError, match=r"shape \(4, 16\), but in fit"):
        fitted.predict(X.reshape(-1, 4, 16))
    with pytest.raises(ValueError, match="image_shape"):
        net(image_shape=(7, 7)).fit(X, y)
    with pytest.raises(ValueError, match="kernel_size"):
        net(kernel_size=(3, 3, 3)).fit(X, y)
    with pytest.raises(ValueError, match="The maps vanish: after image 8 x 8, convolution 1 6 x 6"):
        net(filters=(4, 4, 4), pool_size=4).fit(X, y)
    with pytest.raises(ValueError, match="augmentation"):
        net(augmentation={"turn": 1}).fit(X, y)
    with pytest.raises(ValueError, match="5 dimensions"):
        net().fit(np.zeros((60, 2, 2, 2, 2)), y)


@pytest.mark.parametrize("shape", [(8, 4), (8, 4, 1), (8, 4, 3)])
def test_a_single_image_is_told_from_a_batch(shape):
    X = np.random.default_rng(0).random((12, *shape))
    net = ConvNetClassifier(2, epochs=1, hidden_layer_sizes=()).fit(X, np.arange(12) % 2)
    for method in (net.predict, net.predict_proba):
        with pytest.raises(ValueError, match=r"X is one image .* Give X.None., a batch of one"):
            method(X[0])
        assert len(method(X[0][None])) == 1


def test_graph_program_on_the_cpu(digits):
    import tensorflow as tf

    fitted = net(epochs=30).fit(digits[0][:200], digits[1][:200])
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    assert fitted.training_program_ == ("xla" if on_gpu else "graph")


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "float32", "float64"])
def test_the_scale_is_that_of_the_reshaper(dtype, digits):
    X, y = digits
    X = np.round(X[:40, :36] * 16).astype(dtype)
    forms = [X, pd.DataFrame(X), pd.DataFrame(X).convert_dtypes(), csr_array(X)]
    forms.append(pd.DataFrame(X).astype({0: "uint8"}))
    for form in forms if dtype != "bool" else forms[:1]:
        net = ConvNetClassifier(2, epochs=1, random_state=0).fit(form, y[:40])
        assert net.scale_ == ImageReshaper().fit(form).scale_
        assert net.scale_ == 1 / {"bool": 1, "uint8": 255, "uint16": 65535}.get(dtype, 16)
