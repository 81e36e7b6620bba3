"""`PretrainedFeatureExtractor`: images of any form to rows of features."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from backbones import tiny, transfer
from extractor_images import IMAGES
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skdl import PretrainedFeatureExtractor
from skdl._transformers.image_files import LazyImages
from skdl.exceptions import PixelRangeWarning


def test_forms_of_images_are_the_same_images():
    model = tiny((8, 8, 3))
    expected = np.asarray(model(IMAGES.astype(np.float32))).reshape(12, -1)
    rows = IMAGES.reshape(12, -1)
    forms = [
        IMAGES,
        IMAGES.astype(float),
        rows,
        rows.tolist(),
        [*IMAGES],
        pd.DataFrame(rows, columns=[f"p{i}" for i in range(192)]),
        scipy.sparse.csr_matrix(rows),
        rows.astype(object),
    ]
    for X in forms:
        extractor = PretrainedFeatureExtractor(model)
        features = extractor.fit_transform(X)
        assert features.dtype == np.float32
        assert extractor.image_shape_ == (8, 8, 3)
        assert extractor.n_features_in_ == 192
        assert_allclose(features, expected, rtol=1e-4, atol=1e-4)
    grey = IMAGES[..., 0]
    repeated = np.repeat(grey[..., None], 3, axis=-1).astype(np.float32)
    expected = np.asarray(model(repeated)).reshape(12, -1)
    for X in (grey, grey[..., None], grey.reshape(12, -1)):
        features = PretrainedFeatureExtractor(model).fit_transform(X)
        assert_allclose(features, expected, rtol=1e-4, atol=1e-4)


def test_bytes_stay_bytes():
    extractor = PretrainedFeatureExtractor(tiny).fit(IMAGES)
    assert extractor._inputs(extractor._validated(IMAGES, reset=False)).dtype == np.uint8


@pytest.mark.parametrize("size", [(12, 10), (4, 5), (8, 8)])
def test_images_are_resized_as_keras_does(size):
    extractor = PretrainedFeatureExtractor(tiny((*size, 3)), image_shape=size)
    resizing = keras.layers.Resizing(*size, antialias=size == (4, 5))
    resized = np.asarray(resizing(IMAGES.astype(np.float32)))
    model = extractor.fit(IMAGES).model_
    expected = np.asarray(model.layers[-2](resized)).reshape(12, -1)
    assert_allclose(extractor.transform(IMAGES), expected, rtol=1e-4, atol=1e-3)
    assert model.input_shape == (None, 8, 8, 3)
    by_model = PretrainedFeatureExtractor(tiny((*size, 3))).fit(IMAGES)
    assert by_model.model_.layers[-2].input_shape == (None, *size, 3)


def test_rows_of_the_size_asked_for():
    rows = IMAGES[:, :4].reshape(12, -1)
    extractor = PretrainedFeatureExtractor(tiny, image_shape=(4, 8)).fit(rows)
    assert extractor.image_shape_ == (4, 8, 3)
    assert PretrainedFeatureExtractor(tiny).fit(rows[:, :75]).image_shape_ == (5, 5, 3)


def test_files_are_read_batch_by_batch(tmp_path):
    paths = []
    for i, image in enumerate(IMAGES):
        paths.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(image).save(paths[-1])
    extractor = PretrainedFeatureExtractor(tiny((8, 8, 3)), batch_size=5).fit(paths)
    assert extractor.image_shape_ == (8, 8, 3)
    expected = extractor.transform(IMAGES)
    for form in (paths, np.array(paths), pd.DataFrame({"path": paths})):
        assert_array_equal(extractor.transform(form), expected)
    cached = extractor.set_params(memory=str(tmp_path / "cache")).fit(paths)
    assert_array_equal(cached.transform(paths), expected)
    for path in paths:  # the features of the files are found, without decoding them
        copy = tmp_path / "copies" / path.rsplit("/", 1)[-1]
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes((tmp_path / copy.name).read_bytes())
    assert_array_equal(cached.transform([*(tmp_path / "copies").iterdir()][:1]).shape, (1, 512))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        extractor.transform([*paths, "nowhere.png"])
    Image.fromarray(IMAGES[0][:, :5]).resize((50, 40)).save(paths[0])
    assert extractor.set_params(memory=None).fit(IMAGES).transform(paths[:1]).shape == (1, 512)


def test_one_damaged_file_of_many(tmp_path):
    paths = [str(tmp_path / f"{i}.png") for i in range(4)]
    for path in paths:
        Image.fromarray(IMAGES[0]).save(path)
    for path in paths[2:]:
        with open(path, "r+b") as file:
            file.truncate(60)
    extractor = PretrainedFeatureExtractor(tiny((8, 8, 3)), batch_size=1).fit(paths)
    with pytest.raises(OSError, match="2 of 4 image files cannot be read") as error:
        extractor.transform(paths)
    assert paths[2] in str(error.value)
    assert paths[3] in str(error.value)


def test_names_of_features_and_frames():
    extractor = PretrainedFeatureExtractor(tiny, pooling="avg").fit(IMAGES)
    names = [f"pretrainedfeatureextractor{i}" for i in range(8)]
    assert extractor.get_feature_names_out().tolist() == names
    frame = extractor.set_output(transform="pandas").transform(IMAGES)
    assert [*frame.columns] == names
    assert (frame.dtypes == np.float32).all()


def write(folder, images):
    """Write images into files and return their paths."""
    paths = [str(folder / f"{i}.png") for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    return paths


def test_files_are_0_to_255_whatever_arrays_are(tmp_path):
    paths, fractions = write(tmp_path, IMAGES), IMAGES / 255
    extractor = PretrainedFeatureExtractor(tiny((8, 8, 3)), preprocess="VGG16", batch_size=5)
    expected = extractor.fit_transform(IMAGES)
    for X in (fractions, IMAGES * 257.0):
        assert_allclose(extractor.fit_transform(X), expected, rtol=1e-4, atol=1e-3)
        assert_allclose(extractor.transform(paths), expected, rtol=1e-4, atol=1e-3)
    assert_array_equal(extractor.fit(paths).transform(IMAGES), expected)
    for preprocess in ("VGG16", None):
        extractor.set_params(preprocess=preprocess).fit(paths)
        with pytest.warns(PixelRangeWarning, match=r"from 0 to 1, .* 0 to 255, .* X \* 255"):
            extractor.transform(fractions)


def test_files_have_no_five_channels(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 5)), keras.layers.Conv2D(2, 3)])
    extractor = PretrainedFeatureExtractor(model).fit(np.ones((2, 8, 8, 5)))
    with pytest.raises(ValueError, match=r"5 channels are asked for, but files .* have 1, 3"):
        extractor.transform(write(tmp_path, IMAGES[:2]))


def test_the_scale_follows_from_the_dtype_where_it_can():
    extractor = PretrainedFeatureExtractor(tiny, preprocess="VGG16")
    dark = IMAGES // 32
    for X in (dark, [*dark], pd.DataFrame(dark.reshape(12, -1))):
        assert extractor.fit(X).scale_ == 1
        assert extractor._inputs(extractor._validated(X, reset=False)).dtype == np.uint8
    dark = dark.astype(np.uint16)
    for X in (dark, [*dark], scipy.sparse.csr_matrix(dark.reshape(12, -1))):
        assert extractor.fit(X).scale_ == 255 / 65535
    assert extractor.fit(dark.astype(float)).scale_ == 255 / 16


def test_a_fit_that_fails_leaves_the_extractor_as_it_was():
    extractor = PretrainedFeatureExtractor(tiny).fit(IMAGES)
    expected = extractor.transform(IMAGES)
    for X, parameters in ((np.full(IMAGES.shape, np.nan), {}), (IMAGES[:, :4], {"layer": "none"})):
        with pytest.raises(ValueError, match=r"NaN|layer='none'"):
            extractor.set_params(**parameters).fit(X)
        assert_array_equal(extractor.transform(IMAGES), expected)


def test_a_generator_advances_only_where_it_is_used():
    generator, same = np.random.RandomState(0), np.random.RandomState(0)
    PretrainedFeatureExtractor(tiny((8, 8, 3)), random_state=generator).fit(IMAGES)
    assert generator.randint(1000) == same.randint(1000)
    PretrainedFeatureExtractor(tiny, weights=None, random_state=generator).fit(IMAGES)
    assert generator.randint(1000) != same.randint(1000)


def test_the_size_of_batches_may_change_after_fit(tmp_path, monkeypatch):
    sizes, read = [], LazyImages.__getitem__
    extractor = PretrainedFeatureExtractor(tiny((8, 8, 3))).fit(IMAGES).set_params(batch_size=5)
    monkeypatch.setattr(
        LazyImages, "__getitem__", lambda self, i: sizes.append(len(i)) or read(self, i)
    )
    extractor.transform(write(tmp_path, IMAGES))
    assert sizes == [5, 5, 2]


def test_pooling():
    maps = np.asarray(tiny((8, 8, 3))(IMAGES.astype(np.float32)))
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Activation("linear")])
    X = IMAGES.astype(np.float32)
    for pooling, expected in (("avg", X.mean((1, 2))), ("max", X.max((1, 2)))):
        features = PretrainedFeatureExtractor(model, pooling=pooling).fit_transform(X)
        assert_allclose(features, expected, rtol=1e-6)
    assert maps.shape == (12, 8, 8, 8)


def test_clone_pickle_and_other_processes():
    model = tiny((8, 8, 3))
    extractor = PretrainedFeatureExtractor(model).fit(IMAGES)
    expected = extractor.transform(IMAGES)
    loaded = pickle.loads(pickle.dumps(extractor))
    assert_array_equal(loaded.transform(IMAGES), expected)
    assert_array_equal(clone(extractor).fit_transform(IMAGES), expected)
    assert extractor.get_params()["backbone"] is model
    by_keras = extractor.model_.predict(IMAGES, verbose=0)
    assert_allclose(by_keras, expected, rtol=1e-5, atol=1e-5)


def test_before_fit_and_other_shapes():
    with pytest.raises(NotFittedError):
        PretrainedFeatureExtractor(tiny).transform(IMAGES)
    extractor = PretrainedFeatureExtractor(tiny).fit(IMAGES)
    with pytest.raises(ValueError, match=r"shape \(4, 8, 3\), but in fit they had .*\(8, 8, 3\)"):
        extractor.transform(IMAGES[:, :4])
    with pytest.raises(ValueError, match=r"X is one image .* Give X.None., a batch of one"):
        extractor.transform(IMAGES[0])
    assert_array_equal(extractor.transform(IMAGES[0][None]), extractor.transform(IMAGES)[:1])


def test_tags():
    tags = get_tags(PretrainedFeatureExtractor())
    assert tags.input_tags.three_d_array
    assert tags.input_tags.string
    assert tags.input_tags.sparse
    assert tags.transformer_tags.preserves_dtype == ["float32"]


@pytest.mark.slow
def test_features_of_other_digits_help_any_classifier():
    base, X, y, X_test, y_test = transfer()
    scores = {}
    for weights in ("imagenet", None):
        extractor = PretrainedFeatureExtractor(base, weights=weights, random_state=0)
        pipeline = make_pipeline(extractor, StandardScaler(), LogisticRegression(max_iter=500))
        scores[weights] = pipeline.fit(X, y).score(X_test, y_test)
    assert scores["imagenet"] > 0.65
    assert scores["imagenet"] > scores[None] + 0.05
    assert cross_val_score(pipeline, X_test[:100], y_test[:100], cv=2).mean() > 0.4
