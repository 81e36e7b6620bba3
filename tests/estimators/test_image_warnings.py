"""Pixels in another range than in fit, and data that are hardly images, are warned of."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from backbones import tiny
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdl import (
    ConvNetClassifier,
    ImageReshaper,
    PretrainedFeatureClassifier,
    PretrainedFeatureExtractor,
)
from skdl.exceptions import ImageShapeWarning, PixelRangeWarning

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (20, 6, 6, 3), dtype=np.uint8)
Y = np.arange(20) % 2


def net(**parameters):
    return ConvNetClassifier(**{"filters": 4, "epochs": 1, "random_state": 0, **parameters})


# As they were in fit, as they come later, and what the warning says; None for no warning.
RANGES = {
    "fractions of bytes": (BYTES, BYTES / 255, r"from 0 to 1, but in fit .* 0 to 255.* X \* 255"),
    "bytes of fractions": (BYTES / 255, BYTES, r"from 0 to 255, but in fit .* to 1, .* X / 255"),
    "bytes of 16 bits": (BYTES * np.uint16(257), BYTES, r"X \* 257"),
    "16 bits of bytes": (BYTES, BYTES * np.uint16(257), "X / 257"),
    "4 bits of bytes": (BYTES, BYTES / 255 * 16, r"X \* 15.9"),
    "bytes of standardised": (BYTES / 127.5 - 1, BYTES, "from -1 to 1"),
    "standardised of bytes": (BYTES, BYTES / 127.5 - 1, "from -1 to 1, but in fit"),
    "standardised of fractions": (BYTES / 255, (BYTES - 127.0) / 74, r"from -1\.7"),
    "booleans of bytes": (BYTES, BYTES > 127, r"X \* 255"),
    "the same as floats": (BYTES, BYTES.astype(float), None),
    "dark bytes": (BYTES, BYTES // 255, None),
    "dark 16 bits": (BYTES * np.uint16(257), (BYTES // 255).astype(np.uint16), None),
    "black": (BYTES, np.zeros_like(BYTES, float), None),
    "half as bright": (BYTES / 255, BYTES / 510, None),
    "resized beyond": (BYTES / 255, BYTES / 255 * 1.1 - 0.05, None),
    "digits of bytes as floats": (BYTES // 16, BYTES // 16 / 1.0, None),
    "digits as bytes": (BYTES // 16 / 1.0, BYTES // 16, None),
    "other standardised": (BYTES / 127.5 - 1, BYTES / 60 - 3, None),
}


@pytest.mark.parametrize("case", RANGES)
def test_another_range_than_in_fit(case):
    fitted, later, message = RANGES[case]
    reshaper = ImageReshaper().fit(fitted)
    scale = reshaper.scale_
    forms = [later, later.reshape(20, -1), scipy.sparse.csr_array(later.reshape(20, -1))]
    for form in forms:
        if message is None:
            reshaper.transform(form)
            continue
        with pytest.warns(PixelRangeWarning, match=message) as seen:
            reshaper.transform(form)
        assert len(seen) == 1
        assert seen[0].filename == __file__
    assert reshaper.scale_ == scale  # which is kept


@pytest.mark.slow
def test_every_estimator_tells_the_range_wherever_images_come_in():
    fractions = BYTES / 255
    backbone = tiny((6, 6, 3))
    extractor = PretrainedFeatureExtractor(backbone, preprocess="VGG16").fit(BYTES)
    with pytest.warns(PixelRangeWarning):
        extractor.transform(fractions)
    classifier = PretrainedFeatureClassifier(backbone, epochs=1, random_state=0).fit(BYTES, Y)
    fitted = net().fit(BYTES, Y)
    for one in (classifier, fitted, GridSearchCV(net(), {"filters": [4]}, cv=2).fit(BYTES, Y)):
        with pytest.warns(PixelRangeWarning) as seen:
            one.predict_proba(fractions)
        assert len(seen) == 1
        assert seen[0].filename == __file__
    with pytest.warns(PixelRangeWarning):
        fitted.feature_maps(fractions)
    with pytest.warns(PixelRangeWarning):
        fitted.partial_fit(fractions, Y)
    with pytest.warns(PixelRangeWarning):
        net().fit(BYTES, Y, None, fractions, Y)
    pipeline = make_pipeline(ImageReshaper(), net()).fit(BYTES, Y)
    with pytest.warns(PixelRangeWarning) as seen:
        pipeline.predict(fractions)
    assert len(seen) == 1  # the network sees pixels that were scaled wrongly, too, but dark ones


def test_the_range_is_that_of_rows_that_count():
    X, weight = BYTES / 255, np.ones(20)
    X[3], weight[3] = 255.0, 0
    assert net().fit(X, Y, weight).scale_ == 1


@pytest.mark.parametrize("n_columns", [1, 3, 4, 7, 9, 10, 12, 13, 30])
def test_tables_are_hardly_images(n_columns):
    X = RNG.random((8, n_columns))
    for one in (ImageReshaper(), PretrainedFeatureExtractor(tiny, weights=None)):
        with pytest.warns(ImageShapeWarning, match=rf"X has {n_columns} columns? and was") as seen:
            one.fit(X)
        assert len(seen) == 1
        assert seen[0].filename == __file__


def test_a_table_is_said_to_be_one_and_what_is_asked_for_is_not_doubted():
    X, y = load_iris(return_X_y=True, as_frame=True)
    with pytest.warns(ImageShapeWarning, match=r"4 columns .* 2 x 2 pixels .* DenseClassifier"):
        fitted = net().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict(X)
        net(image_shape=(1, 4)).fit(X, y)
        ImageReshaper((1, 7)).fit(np.ones((2, 7)))
        ImageReshaper().fit(np.ones((2, 64)))
        ImageReshaper().fit(np.ones((2, 1, 7)))  # images of one row, as they came
        ImageReshaper().fit(pd.DataFrame(np.ones((2, 48))))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 8, 8), (4, 8, 9)])
def test_channels_that_come_first(shape):
    X = RNG.random((6, *shape))
    with pytest.warns(ImageShapeWarning, match=r"channels come last.*np\.moveaxis\(X, 1, -1\)"):
        assert ImageReshaper().fit(X).image_shape_ == shape
    with pytest.warns(ImageShapeWarning, match=rf"{shape[0]} x {shape[1]} pixels"):
        net().fit(X, Y[:6])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ImageReshaper(shape).fit(X)
        fitted = ImageReshaper().fit(np.moveaxis(X, 1, -1))
        ImageReshaper().fit(np.ones((2, 1, 100, 8)))  # a sequence of 100 steps
    with pytest.raises(ValueError, match=r"Channels come last: np\.moveaxis\(X, 1, -1\)"):
        fitted.transform(X)
