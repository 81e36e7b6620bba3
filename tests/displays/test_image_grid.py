"""Images with predictions, tested by the data and the artists of the picture."""

import sys

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdl import (
    ConvNetClassifier,
    ImageGridDisplay,
    ImageReshaper,
    PretrainedFeatureClassifier,
    PretrainedFeatureExtractor,
    build_convnet,
)
from skdl._transformers.image_files import LazyImages

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (12, 6, 4), dtype=np.uint8)
Y_TRUE = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
Y_PRED = np.array([0, 1, 2, 1, 1, 0, 0, 2, 2, 0, 1, 2])
WRONG = np.array([3, 5, 7])
PROBA = RNG.dirichlet([1, 1, 1], 12)
PROBA[WRONG, Y_PRED[WRONG]] = [0.5, 0.9, 0.7]


def _flat(images):
    return images.reshape(len(images), -1)


def captions_of(display):
    return [cell.get_title() for cell in display.axes_]


def test_errors_are_drawn_with_their_labels(plt):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED)
    assert_array_equal(display.index, WRONG)
    assert captions_of(display) == ["pred 1\ntrue 0", "pred 0\ntrue 2", "pred 2\ntrue 1"]
    assert display.ax_.get_title() == "3 of 12 wrong"
    assert len(display.axes_) == len(display.images_) == 3
    for image, row in zip(display.images_, WRONG, strict=True):
        assert_allclose(image.get_array(), X[row] / 255, rtol=1e-6)
        assert image.get_clim() == (0, 1)
        assert image.get_cmap().name == "gray"
    assert display.figure_ is display.ax_.figure


def test_the_surest_errors_come_first(plt):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, y_proba=PROBA)
    assert_array_equal(display.index, [5, 7, 3])
    assert_array_equal(display.pred_proba, [0.9, 0.7, 0.5])
    assert_array_equal(display.true_proba, PROBA[[5, 7, 3], Y_TRUE[[5, 7, 3]]])
    assert captions_of(display)[0] == f"pred 0 (90%)\ntrue 2 ({PROBA[5, 2]:.0%})"


def test_the_least_sure_of_what_is_right_comes_first(plt):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, only="correct", y_proba=PROBA)
    assert_array_equal(np.sort(display.index), np.setdiff1d(np.arange(12), WRONG))
    assert (np.diff(display.pred_proba) >= 0).all()
    assert display.ax_.get_title() == "9 of 12 right"
    first = display.index[0]
    assert captions_of(display)[0] == f"{Y_PRED[first]} ({PROBA[first, Y_PRED[first]]:.0%})"


def test_all_are_in_their_order(plt):
    display = ImageGridDisplay.from_predictions(
        X, Y_TRUE, Y_PRED, only=None, y_proba=PROBA, max_images=5
    )
    assert_array_equal(display.index, range(5))
    assert display.ax_.get_title() == "12 images, 5 shown"
    colours = [cell.title.get_color() for cell in display.axes_]
    assert colours[3] != colours[0] == colours[4]


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 30), seed=st.integers(0, 99), only=st.sampled_from(["errors", "correct"]))
def test_order_and_number_for_any_predictions(n, seed, only):
    pyplot = pytest.importorskip("matplotlib").pyplot
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.integers(0, 3, (2, n))
    proba = rng.dirichlet([1, 1, 1], n)
    display = ImageGridDisplay.from_predictions(
        rng.random((n, 4)), y_true, y_pred, only=only, y_proba=proba, classes=range(3), max_images=9
    )
    pyplot.close("all")
    wanted = np.flatnonzero((y_true != y_pred) if only == "errors" else (y_true == y_pred))
    sureness = proba[wanted, y_pred[wanted]] * (-1 if only == "errors" else 1)
    assert_array_equal(display.index, wanted[np.argsort(sureness, kind="stable")][:9])
    assert len(display.images_) == min(len(wanted), 9)


@pytest.mark.parametrize(
    ("make", "image_shape"),
    [
        (lambda X: X.reshape(12, 24), (6, 4)),
        (lambda X: X[..., None], None),
        (lambda X: X.tolist(), None),
        (lambda X: csr_matrix(X.reshape(12, 24)), (6, 4)),
        (lambda X: csr_array(X.reshape(12, 24)), (6, 4, 1)),
        (lambda X: pd.DataFrame(X.reshape(12, 24)).add_prefix("pixel"), (6, 4)),
    ],
)
def test_images_in_other_forms(plt, make, image_shape):
    display = ImageGridDisplay.from_predictions(make(X), Y_TRUE, Y_PRED, image_shape=image_shape)
    assert_allclose(display.images[..., 0], X[WRONG] / 255, rtol=1e-6)


def test_colours_and_other_numbers_of_channels(plt):
    colour = RNG.random((12, 5, 5, 3))
    display = ImageGridDisplay.from_predictions(colour, Y_TRUE, Y_PRED)
    assert_allclose(display.images_[0].get_array(), colour[WRONG[0]], rtol=1e-6)
    display = ImageGridDisplay.from_predictions(colour[..., :2], Y_TRUE, Y_PRED)
    picture = np.ma.filled(display.images_[0].get_array(), np.nan)
    assert picture.shape == (5, 11)
    assert_allclose(picture[:, 6:], colour[WRONG[0], ..., 1], rtol=1e-6)
    display = ImageGridDisplay.from_predictions(colour.reshape(12, 75), Y_TRUE, Y_PRED)
    assert display.images.shape == (3, 5, 5, 3)


@pytest.mark.parametrize("maximum", [1, 16, 255, 65535])
def test_the_largest_value_of_the_encoding_is_white(plt, maximum):
    pixels = RNG.random((12, 9)) * maximum
    pixels[0, 0] = maximum
    display = ImageGridDisplay.from_predictions(pixels, Y_TRUE, Y_PRED)
    assert_allclose(display.images.reshape(3, 9), pixels[WRONG] / maximum, rtol=1e-6)


def test_standardised_images_fill_the_scale(plt):
    display = ImageGridDisplay.from_predictions(RNG.normal(size=(12, 9)), Y_TRUE, Y_PRED)
    assert display.images.min() == 0
    assert display.images.max() == 1


def test_names_of_classes(plt):
    names = ["coat", "bag", "shirt"]
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, display_labels=names)
    assert captions_of(display)[0] == "pred bag\ntrue coat"
    by_name = ImageGridDisplay.from_predictions(
        X, np.array(names)[Y_TRUE], np.array(names)[Y_PRED], y_proba=PROBA, classes=names
    )
    assert_array_equal(by_name.pred_proba, [0.9, 0.7, 0.5])
    assert captions_of(by_name)[0].startswith("pred coat (90%)\ntrue shirt (")


def test_labels_that_the_network_does_not_know_have_no_probability(plt):
    y_true = np.where(Y_TRUE == 2, 7, Y_TRUE)
    display = ImageGridDisplay.from_predictions(X, y_true, Y_PRED, y_proba=PROBA, classes=[0, 1, 2])
    unknown = list(display.index).index(5)
    assert captions_of(display)[unknown] == "pred 0 (90%)\ntrue 7"
    assert np.isnan(display.true_proba[unknown])


def test_no_errors(plt):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_TRUE, y_proba=PROBA)
    assert display.ax_.get_title() == "0 of 12 wrong"
    assert display.images.shape == (0, 6, 4, 1)
    assert len(display.axes_) == 0
    display.figure_.canvas.draw()


@pytest.mark.parametrize("labels", [None, ["T-shirt/top", "Ankle boot", "Dress"]])
@pytest.mark.parametrize("shape", [(6, 4), (2, 12), (24, 1)])
@pytest.mark.parametrize("given_size", [None, pytest.param((4, 3), marks=pytest.mark.slow)])
def test_captions_do_not_overlap(plt, labels, shape, given_size):
    ax = None if given_size is None else plt.subplots(figsize=given_size, layout="constrained")[1]
    display = ImageGridDisplay.from_predictions(
        X.reshape(12, *shape), Y_TRUE, (Y_TRUE + 1) % 3, y_proba=PROBA, display_labels=labels, ax=ax
    )
    display.figure_.canvas.draw()
    captions = [cell.title.get_window_extent() for cell in display.axes_]
    pictures = [image.get_window_extent() for image in display.images_]
    if given_size is None:
        for i, box in enumerate(captions):
            assert not any(box.overlaps(other) for other in captions[:i])
            assert not any(box.shrunk(0.9, 0.9).overlaps(other) for other in pictures)
        title = display.ax_.title.get_window_extent()
        assert not any(box.overlaps(title) for box in captions)
        assert 0 <= title.x0 < title.x1 <= display.figure_.bbox.width
    for i, box in enumerate(pictures):
        assert not any(box.overlaps(other) for other in pictures[:i])
    assert all(4 <= cell.title.get_fontsize() <= 8 for cell in display.axes_)


def test_plot_draws_again_on_given_axes(plt):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED)
    _, axes = plt.subplots(1, 2)
    assert display.plot(axes[1]) is display
    assert display.ax_ is axes[1]
    assert axes[1].child_axes == list(display.axes_)
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, max_images=1, ax=axes[1])
    assert axes[1].child_axes == list(display.axes_)


def test_estimators(plt, digits):
    X, y = digits
    train, test = (X[:300], y[:300]), (X[300:400], y[300:400])
    net = ConvNetClassifier(epochs=2, random_state=0).fit(*train)
    display = ImageGridDisplay.from_estimator(net, *test, max_images=100)
    y_pred, proba = net.predict(test[0]), net.predict_proba(test[0])
    wrong = np.flatnonzero(y_pred != test[1])
    assert_array_equal(np.sort(display.index), wrong)
    assert_allclose(display.pred_proba, np.sort(proba[wrong].max(axis=1))[::-1])
    assert_array_equal(display.y_pred, y_pred[display.index])
    search = GridSearchCV(
        make_pipeline(ImageReshaper((4, 16)), FunctionTransformer(_flat), GaussianNB()),
        {"gaussiannb__var_smoothing": [0.1]},
        cv=2,
    ).fit(*train)
    display = ImageGridDisplay.from_estimator(search, *test, only=None, max_images=2)
    assert display.images.shape == (2, 4, 16, 1)
    without = RidgeClassifier().fit(*train)
    display = ImageGridDisplay.from_estimator(without, *test, display_labels=[*"abcdefghij"])
    assert display.pred_proba is None
    assert set(display.y_pred) <= set("abcdefghij")


def test_images_in_files(plt, tmp_path, monkeypatch):
    paths = [str(tmp_path / f"{i}.png") for i in range(12)]
    for path, image in zip(paths, X, strict=True):
        keras.utils.save_img(path, image[..., None], scale=False)
    backbone = build_convnet((6, 4, 1), 2, seed=0)
    net = PretrainedFeatureClassifier(backbone, epochs=1, random_state=0).fit(paths, Y_TRUE)
    y_pred, read, getitem = net.predict(paths), [], LazyImages.__getitem__
    monkeypatch.setattr(
        LazyImages,
        "__getitem__",
        lambda self, index: read.extend(self.sources[index]) or getitem(self, index),
    )
    display = ImageGridDisplay.from_estimator(net, paths, Y_TRUE, only=None, max_images=2)
    assert sorted(read) == sorted(paths + paths[:2])  # predicted once, then those shown
    assert_array_equal(display.y_pred, y_pred[:2])
    assert_allclose(display.images[..., 0], X[:2] / 255, rtol=1e-6)

    extractor = PretrainedFeatureExtractor(backbone)
    pipeline = make_pipeline(extractor, LogisticRegression()).fit(paths, Y_TRUE)
    display = ImageGridDisplay.from_estimator(pipeline, pd.Series(paths), Y_TRUE, only=None)
    assert display.images.shape == (12, 6, 4, 1)
    with pytest.raises(ValueError, match=r"files, but image_shape=None .* Give image_shape="):
        ImageGridDisplay.from_predictions(paths, Y_TRUE, Y_PRED)
    display = ImageGridDisplay.from_predictions(paths, Y_TRUE, Y_PRED, image_shape=(12, 8, 3))
    assert display.images.shape == (3, 12, 8, 3)


class Hesitant(ConvNetClassifier):
    """Predicts another class than the most probable one."""

    def predict(self, X):
        return np.full(len(X), self.classes_[-1])


def test_labels_are_those_of_predict(plt):
    names = np.array(["no", "yes"])[(Y_TRUE > 0).astype(int)]
    for net in (ConvNetClassifier(epochs=1), Hesitant(epochs=1)):
        search = GridSearchCV(net, {"random_state": [0]}, cv=2)
        pipeline = make_pipeline(FunctionTransformer(), search).fit(X, names)
        display = ImageGridDisplay.from_estimator(pipeline, X, names, only=None)
        assert_array_equal(display.y_pred, pipeline.predict(X))
        assert display.images.shape == (12, 6, 4, 1)
    several = np.maximum(np.eye(3, dtype=int)[Y_TRUE], [1, 0, 0])
    net = ConvNetClassifier(epochs=1).fit(X, several)
    for y in (Y_TRUE, several):
        with pytest.raises(ValueError, match="must be one label per row"):
            ImageGridDisplay.from_estimator(net, X, y)


def test_what_is_given_is_left_as_it_is(plt):
    copies = X.copy(), Y_TRUE.copy(), Y_PRED.copy(), PROBA.copy()
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, y_proba=PROBA, only=None)
    display.images[:] = 0
    for given_array, copy in zip((X, Y_TRUE, Y_PRED, PROBA), copies, strict=True):
        assert_array_equal(given_array, copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"only": "wrong"}, "only must be .* received only='wrong'"),
        ({"max_images": 0}, "max_images must be a positive integer, received 0"),
        ({"y_true": Y_TRUE[:-1]}, "inconsistent numbers of samples"),
        ({"y_proba": PROBA[:, :2]}, "one column for each of the 3 classes .* Give the labels"),
        ({"y_proba": PROBA[:, 0]}, "one column for each of the 3 classes"),
        ({"display_labels": ["a"]}, "display_labels has 1 name for the 3 classes"),
        ({"y_pred": np.eye(12)}, "y_pred must be one label per row"),
        ({"y_pred": Y_PRED.astype(str)}, "Mix of label input types"),
        ({"image_shape": (5, 5)}, "image_shape=.*Shapes that fit 24 values"),
        ({"X": X[None]}, "inconsistent numbers of samples"),
        ({"X": X[None, None]}, "X has 5 dimensions"),
    ],
)
def test_errors(plt, change, message):
    with pytest.raises(ValueError, match=message):
        ImageGridDisplay.from_predictions(**{"X": X, "y_true": Y_TRUE, "y_pred": Y_PRED, **change})


def test_estimators_that_are_not_fitted(plt):
    with pytest.raises(NotFittedError):
        ImageGridDisplay.from_estimator(LogisticRegression(), X, Y_TRUE)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"ImageGridDisplay.from_predictions needs .*\[plots\]"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED)
    with pytest.raises(ImportError, match=r"ImageGridDisplay.from_estimator needs"):
        ImageGridDisplay.from_estimator(None, X, Y_TRUE)
    with pytest.raises(ImportError, match=r"ImageGridDisplay.plot needs"):
        ImageGridDisplay(X[..., None], Y_TRUE, Y_PRED).plot()
