"""Rows of pixels become images, the same at transform as at fit, and rows again."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from skdl import ImageReshaper
from skdl.exceptions import PixelRangeWarning

# Most of these rows are too short for what would be an image.
pytestmark = pytest.mark.filterwarnings("ignore::skdl.exceptions.ImageShapeWarning")


def rows(n_columns, largest=255, dtype=np.uint8, n_rows=3):
    rng = np.random.default_rng(0)
    X = rng.integers(0, largest, (n_rows, n_columns), endpoint=True).astype(dtype)
    X[0, 0] = largest
    return X


@pytest.mark.parametrize(
    ("n_columns", "parameters", "expected"),
    [
        (784, {}, (28, 28, 1)),
        (1, {}, (1, 1, 1)),
        (3072, {}, (32, 32, 3)),
        (48, {}, (4, 4, 3)),
        (13, {}, (1, 13, 1)),
        (64, {"channels": 4}, (4, 4, 4)),
        (24, {"channels": 3}, (1, 8, 3)),
        (784, {"channels": 1}, (28, 28, 1)),
        (24, {"image_shape": (4, 6)}, (4, 6, 1)),
        (24, {"image_shape": [4, 2, 3]}, (4, 2, 3)),
        (24, {"image_shape": np.array([4, 2]), "channels": 3}, (4, 2, 3)),
        (24, {"image_shape": (4, 2, 3), "channels": np.int64(3)}, (4, 2, 3)),
    ],
)
def test_shape_of_rows(n_columns, parameters, expected):
    X = rows(n_columns)
    reshaper = ImageReshaper(**parameters)
    images = reshaper.fit_transform(X)
    assert reshaper.image_shape_ == expected
    assert all(type(size) is int for size in reshaper.image_shape_)
    assert images.shape == (3, *expected)
    assert images.dtype == np.float32
    assert_array_equal(images, (X.astype(np.float32) / 255).reshape(3, *expected))


@pytest.mark.parametrize(
    ("n_columns", "parameters", "message"),
    [
        (3072, {"image_shape": (28, 28)}, r"784 values.*3072.*\(32, 32, 3\)"),
        (784, {"image_shape": (28, 28, 3)}, r"2352 values.*784.*\(28, 28, 1\), \(14, 14, 4\)"),
        (784, {"channels": 3}, r"channels=3 does not divide the 784 .*\(28, 28, 1\)"),
        (600, {"image_shape": (5, 5)}, r"\(24, 25, 1\)"),
        (13, {"image_shape": (5, 5)}, r"\(1, 13, 1\)"),
        (784, {"image_shape": (28, 28, 1), "channels": 3}, "channels=3 differs from the 1"),
        (784, {"image_shape": (784,)}, "image_shape must be .*received image_shape=.784"),
        (784, {"image_shape": (28.0, 28.0)}, "image_shape must be"),
        (784, {"image_shape": (-28, -28)}, "image_shape must be"),
        (784, {"channels": 0}, "'channels' parameter"),
        (784, {"rescale": -1.0}, "'rescale' parameter"),
        (784, {"rescale": "bytes"}, "'rescale' parameter"),
    ],
)
def test_what_does_not_fit_is_told_with_what_would(n_columns, parameters, message):
    with pytest.raises(ValueError, match=message):
        ImageReshaper(**parameters).fit(rows(n_columns))


@given(n_columns=st.integers(1, 5000), channels=st.none() | st.integers(1, 5))
def test_any_number_of_columns_has_a_shape(n_columns, channels):
    X = np.zeros((1, n_columns), np.uint8)
    if n_columns % (channels or 1):
        with pytest.raises(ValueError, match=f"channels={channels}"):
            ImageReshaper(channels=channels).fit(X)
        return
    shape = ImageReshaper(channels=channels).fit(X).image_shape_
    assert np.prod(shape) == n_columns
    assert channels in (None, shape[2])
    assert shape[0] in (1, shape[1])


@pytest.mark.parametrize(
    ("dtype", "smallest", "largest", "divisor"),
    [
        (np.uint8, 0, 255, 255),
        (np.uint8, 0, 9, 255),
        (np.uint16, 0, 9, 65535),
        (bool, 0, 1, 1),
        (np.int64, 0, 1, 1),
        (np.int64, 0, 2, 16),
        (np.int64, 0, 16, 16),
        (np.int64, 0, 17, 255),
        (np.int32, 0, 255, 255),
        (np.int64, 0, 256, 65535),
        (np.int64, 0, 65536, 1),
        (np.int64, -1, 200, 1),
        (np.float64, 0, 0.3, 1),
        (np.float32, 0, 1, 1),
        (np.float32, 0, 1.5, 16),
        (np.float64, 0, 16, 16),
        (np.float64, 0, 254.5, 255),
        (np.float64, -0.5, 1, 1),
        (np.float64, -3, 300, 1),
    ],
)
def test_scale_by_dtype_and_range(dtype, smallest, largest, divisor):
    X = np.array([[smallest, largest, 0, 0]]).astype(dtype)
    for form in (X, pd.DataFrame(X, columns=list("abcd")), scipy.sparse.csr_array(X)):
        reshaper = ImageReshaper().fit(form)
        assert reshaper.scale_ == 1 / divisor
        expected = X.astype(np.float32) / np.float32(divisor)
        assert_array_equal(reshaper.transform(form).ravel(), expected.ravel())


def test_scale_is_settled_in_fit():
    reshaper = ImageReshaper().fit(rows(4, largest=255, dtype=np.int64))
    with pytest.warns(PixelRangeWarning, match=r"from 1 to 1, .* from 4 to 255, .* X \* 255"):
        images = reshaper.transform(np.ones((1, 4)))
    assert_array_equal(images.ravel(), np.full(4, 1 / 255, "f4"))


def test_a_given_factor_and_none():
    X = rows(9)
    assert_array_equal(ImageReshaper(rescale=None).fit_transform(X).reshape(3, 9), X)
    by_factor = ImageReshaper(rescale=1 / 255).fit_transform(X)
    assert_array_equal(by_factor, ImageReshaper().fit_transform(X))
    doubled = ImageReshaper(rescale=2).fit(X)
    assert_array_equal(doubled.transform(X).reshape(3, 9), 2.0 * X)
    assert_array_equal(doubled.inverse_transform(doubled.transform(X)), X)


@settings(max_examples=60)
@given(data=st.data(), bits=st.sampled_from([8, 16]))
def test_integers_come_back_exactly(data, bits):
    dtype = np.dtype(f"uint{bits}")
    X = data.draw(arrays(dtype, st.tuples(st.integers(1, 4), st.sampled_from([1, 4, 12, 13]))))
    reshaper = ImageReshaper().fit(X)
    back = reshaper.inverse_transform(reshaper.transform(X))
    assert back.dtype == np.float32
    assert_array_equal(back, X)


def test_all_integers_of_the_usual_ranges_come_back_exactly():
    for largest in (1, 16, 255, 65535):
        X = np.arange(largest + 1)[None]
        reshaper = ImageReshaper((1, largest + 1)).fit(X)
        images = reshaper.transform(X)
        assert images.max() == 1
        assert_array_equal(reshaper.inverse_transform(images), X)
        assert_array_equal(reshaper.inverse_transform(images.reshape(1, -1)), X)


def test_images_are_taken_like_rows():
    X = rows(24)
    grey, colour = X.reshape(3, 4, 6), X.reshape(3, 2, 4, 3)
    for images, shape in ((grey, (4, 6, 1)), (colour, (2, 4, 3))):
        reshaper = ImageReshaper().fit(images)
        assert reshaper.image_shape_ == shape
        assert reshaper.n_features_in_ == 24
        expected = ImageReshaper(shape).fit_transform(X)
        for form in (images, images.tolist(), X, expected * 255):
            assert_array_equal(reshaper.transform(form), expected)
        assert_array_equal(reshaper.inverse_transform(expected), X)
    assert ImageReshaper((4, 6)).fit(grey).image_shape_ == (4, 6, 1)


def test_images_of_another_shape_are_refused():
    X = rows(24)
    with pytest.raises(ValueError, match=r"differs from the shape of the images in X, \(4, 6, 1"):
        ImageReshaper((6, 4)).fit(X.reshape(3, 4, 6))
    with pytest.raises(ValueError, match="channels=3 differs from the 1 channel of"):
        ImageReshaper(channels=3).fit(X.reshape(3, 4, 6))
    with pytest.raises(ValueError, match="X has 5 dimensions"):
        ImageReshaper().fit(X.reshape(3, 2, 2, 2, 3))
    reshaper = ImageReshaper((4, 6)).fit(X)
    for method in (reshaper.transform, reshaper.inverse_transform):
        with pytest.raises(ValueError, match=r"shape \(6, 4\), but in fit they had .*\(4, 6, 1\)"):
            method(X.reshape(3, 6, 4))
        with pytest.raises(ValueError, match=r"X is one image of shape \(4, 6\). Give X.None."):
            method(X[0].reshape(4, 6))
    with pytest.raises(ValueError, match="23 features, but ImageReshaper is expecting 24"):
        reshaper.transform(X[:, :23])
    with pytest.raises(ValueError, match=r"23 values per image.*have 24"):
        reshaper.inverse_transform(X[:, :23])
    with pytest.raises(NotFittedError):
        ImageReshaper().inverse_transform(X)


def test_columns_of_a_frame_keep_their_order():
    frame = pd.DataFrame(rows(4), columns=list("abcd"))
    reshaper = ImageReshaper().fit(frame)
    assert_array_equal(reshaper.feature_names_in_, list("abcd"))
    with pytest.raises(ValueError, match="same order"):
        reshaper.transform(frame[list("bacd")])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_the_data_are_left_as_they_are(dtype):
    X = rows(4, largest=1, dtype=dtype)
    before = X.copy()
    images = ImageReshaper().fit_transform(X)
    images += 1
    assert_array_equal(X, before)


def test_images_are_no_table():
    reshaper = ImageReshaper()
    assert not hasattr(reshaper, "set_output")
    assert not hasattr(reshaper, "get_feature_names_out")
    frame = pd.DataFrame(rows(4), columns=list("abcd"))
    with sklearn.config_context(transform_output="pandas"):
        assert type(reshaper.fit_transform(frame)) is np.ndarray


def test_tags():
    tags = get_tags(ImageReshaper())
    assert tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array
    assert tags.input_tags.sparse
    assert tags.transformer_tags.preserves_dtype == ["float32"]


def test_clone_pickle_and_pipeline(digits):
    X, y = digits
    X = X * 16
    reshaper = ImageReshaper((8, 8)).fit(X)
    loaded = pickle.loads(pickle.dumps(reshaper))
    assert_array_equal(loaded.transform(X), reshaper.transform(X))
    assert clone(reshaper).get_params() == {
        "image_shape": (8, 8),
        "channels": None,
        "rescale": "auto",
        "exif_orientation": True,
    }
    halves = FunctionTransformer(lambda images: images[:, ::2].reshape(len(images), -1))
    pipeline = make_pipeline(reshaper, halves, LogisticRegression(max_iter=200))
    assert cross_val_score(pipeline, X, y, cv=2).mean() > 0.75


def test_digits_of_mnist(shared):
    with np.load(shared / "data" / "mnist_5k.npz") as data:
        X = data["X"].reshape(5000, -1)
    reshaper = ImageReshaper()
    images = reshaper.fit_transform(X)
    assert images.shape == (5000, 28, 28, 1)
    assert (images.min(), images.max()) == (0, 1)
    assert_array_equal(reshaper.fit_transform(scipy.sparse.csr_matrix(X)), images)
    assert_array_equal(reshaper.fit_transform(pd.DataFrame(X.astype(np.int64))), images)
