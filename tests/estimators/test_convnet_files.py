"""`ConvNetClassifier` and `ImageReshaper` on files and on images of Pillow."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdl import ConvNetClassifier, ImageGridDisplay, ImageReshaper
from skdl._transformers.image_files import LazyImages
from skdl.exceptions import PixelRangeWarning

SHAPE = (8, 8, 1)


def net(**parameters):
    settings = {"filters": 4, "epochs": 2, "random_state": 0, "image_shape": SHAPE}
    return ConvNetClassifier(**{**settings, **parameters})


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)


@pytest.fixture(scope="module")
def paths(pixels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    found = [str(folder / f"{i}.png") for i in range(len(pixels))]
    for path, image in zip(found, pixels, strict=True):
        Image.fromarray(image).save(path)
    return np.array(found)


Y = np.arange(40) % 2


@pytest.mark.slow
def test_files_and_images_of_pillow_are_trained_on_as_arrays(pixels, paths):
    by_array = net(validation_split=0.2, metrics="accuracy").fit(pixels, Y)
    expected = by_array.predict_proba(pixels)
    forms = [
        paths,
        [Path(path) for path in paths],
        pd.Series(paths),
        pd.DataFrame({"path": paths}),
        [[path] for path in paths],
        [path.encode() for path in paths],
        [Image.open(path) for path in paths],
        pd.Series([Image.fromarray(image) for image in pixels]),
        [*paths[:20], *map(Image.fromarray, pixels[20:])],
    ]
    for X in (pd.Series(paths), forms[-1]):
        fitted = net(validation_split=0.2, metrics="accuracy").fit(X, Y)
        assert (fitted.image_shape_, fitted.n_features_in_) == (SHAPE, 64)
        assert fitted.scale_ == 1 / 255
        assert fitted.training_program_ == "keras"  # which reads them batch by batch
        assert_allclose(fitted.predict_proba(X), expected, atol=1e-4)
        for name, values in by_array.history_.items():
            assert_allclose(fitted.history_[name], values, rtol=1e-3)
    assert_allclose(fitted.predict_proba(pixels), expected, atol=1e-4)
    for X in forms:
        assert_allclose(by_array.predict_proba(X), expected, atol=1e-5)
    assert_allclose(by_array.feature_maps(paths[:3]), by_array.feature_maps(pixels[:3]), atol=1e-5)
    given = net(epochs=1).fit(pixels, Y, None, paths[:9], Y[:9])
    same = net(epochs=1).fit(pixels, Y, None, pixels[:9], Y[:9])
    assert_allclose(given.history_["val_loss"], same.history_["val_loss"], rtol=1e-3)


def test_files_come_in_the_range_of_the_pixels_in_fit(pixels, paths):
    for X in (pixels / 255, pixels * (16 / 255), pixels * np.uint16(257)):
        fitted = net(epochs=1).fit(X, Y)
        assert_allclose(fitted.predict_proba(paths), fitted.predict_proba(X), atol=1e-5)
        images = ImageReshaper(SHAPE).fit(X).transform(paths)
        assert_allclose(images[..., 0], pixels / 255, atol=1e-6)
    standardised = (pixels - 127.0) / 74
    fitted = net().fit(standardised, Y)
    with pytest.raises(ValueError, match=r"files .* 0 to 255, but in fit .* from -1\.7"):
        fitted.predict(paths)
    with pytest.warns(PixelRangeWarning, match=r"from 0 to 255, but in fit they were from -1\.7"):
        fitted.predict(pixels)


def test_images_are_resized_in_colour_unless_grey_is_asked_for(tmp_path):
    rng = np.random.default_rng(1)
    images = [Image.fromarray(rng.integers(0, 256, (9 + i, 12, 3), np.uint8)) for i in range(12)]
    fitted = net(image_shape=(6, 7)).fit(images, Y[:12])
    assert fitted.image_shape_ == (6, 7, 3)
    expected = [image.resize((7, 6), Image.Resampling.BILINEAR) for image in images]
    reshaper = ImageReshaper((6, 7)).fit(images)
    assert_array_equal(reshaper.transform(images), np.float32(np.stack(expected)) / np.float32(255))
    assert ImageReshaper((6, 7), channels=1).fit_transform(images).shape == (12, 6, 7, 1)
    assert ImageReshaper().fit_transform(images[:1]).shape == (1, 9, 12, 3)  # of one size
    with pytest.raises(ValueError, match=r"different sizes, such as \(9, 12\) and \(10, 12\)"):
        net(image_shape=None).fit(images, Y[:12])
    images[0].save(tmp_path / "one.png")
    with pytest.raises(ValueError, match=r"image_shape=None does not say .* \(height, width, 1\)"):
        ImageReshaper().fit([tmp_path / "one.png"])
    with pytest.raises(ValueError, match="channels=1 differs from image_shape="):
        ImageReshaper((6, 7, 3), channels=1).fit(images)
    with pytest.raises(ValueError, match=r"image_shape must be .*received image_shape=\(6,\)"):
        ImageReshaper((6,)).fit(images)
    with pytest.raises(ValueError, match="Images of 2 channels are asked for"):
        ImageReshaper((6, 7, 2)).fit(images)


def test_orientation_is_a_parameter(tmp_path):
    image = np.zeros((8, 8), np.uint8)
    image[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    path = str(tmp_path / "lying.png")
    Image.fromarray(image).save(path, exif=exif)
    for upright, column in ((True, 7), (False, 0)):
        reshaper = ImageReshaper(SHAPE, exif_orientation=upright)
        assert reshaper.fit_transform([path])[0, 0, column, 0] == 1
        fitted = net(exif_orientation=upright, epochs=1).fit([path] * 4, Y[:4])
        assert_array_equal(
            fitted._inputs(fitted._validated([path], reset=False))[:][0, 0, column], 255
        )
        display = ImageGridDisplay.from_estimator(fitted, [path], [0], only=None)
        assert display.images[0, 0, column, 0] == 1


@pytest.mark.slow
def test_searches_pipelines_pickles_and_reading_again(pixels, paths, monkeypatch):
    names = pd.Series(paths)
    search = GridSearchCV(net(epochs=1), {"kernel_size": [2]}, cv=2).fit(names, Y)
    assert search.predict(names[:3]).shape == (3,)
    loaded = pickle.loads(pickle.dumps(search))
    assert_array_equal(loaded.predict_proba(paths), search.predict_proba(paths))
    flat = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    pipeline = make_pipeline(ImageReshaper(SHAPE), flat, LogisticRegression())
    scores = cross_val_score(pipeline, paths, Y, cv=2)
    assert_array_equal(scores, cross_val_score(pipeline, pixels, Y, cv=2))
    sizes, read = [], LazyImages.__getitem__
    monkeypatch.setattr(
        LazyImages,
        "__getitem__",
        lambda self, i: sizes.append(len(self.sources[i])) or read(self, i),
    )
    going_on = net(batch_size=16, warm_start=True).fit(paths, Y).fit(paths, Y)
    assert max(sizes) == 16
    assert going_on.n_iter_ == 4
    assert going_on.partial_fit(pixels, Y).n_iter_ == 5


def test_a_checkpoint_knows_its_files_and_its_home(paths, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    class StopError(Exception):
        pass

    def stop(self, index):
        if (tmp_path / "checkpoints").is_dir() and any((tmp_path / "checkpoints").iterdir()):
            raise StopError
        return read(self, index)

    read = LazyImages.__getitem__
    whole = net(epochs=3).fit(paths, Y)
    with monkeypatch.context() as patched:
        patched.setattr(LazyImages, "__getitem__", stop)
        with pytest.raises(StopError):
            net(epochs=3, checkpoint="~/checkpoints").fit(paths, Y)
    assert not (tmp_path / "~").exists()
    assert any((tmp_path / "checkpoints").iterdir())
    going_on = net(epochs=3, checkpoint=Path("~/checkpoints")).fit(paths, Y)
    assert_allclose(going_on.predict_proba(paths), whole.predict_proba(paths), atol=1e-5)
    assert not any((tmp_path / "checkpoints").iterdir())


def test_a_data_set_of_paths(pixels, paths):
    import tensorflow as tf

    stream = tf.data.Dataset.from_tensor_slices((paths, Y)).batch(16)
    fitted = net(epochs=1).fit(stream)
    expected = net(epochs=1, shuffle=False, batch_size=16).fit(pixels, Y)
    assert_allclose(fitted.predict_proba(paths), expected.predict_proba(pixels), atol=1e-5)
    assert_allclose(fitted.predict_proba(stream), fitted.predict_proba(paths), atol=1e-6)


def test_what_is_no_image(pixels, paths, tmp_path):
    with pytest.raises(TypeError, match=r"the folder .*skdl\.datasets\.load_image_folder\("):
        net().fit(str(tmp_path), Y)
    with pytest.raises(FileNotFoundError, match="2 of 2 image files do not exist: a, b"):
        net().fit(pd.Series(["a", "b"]), [0, 1])
    with pytest.raises(TypeError, match=r"received nan at position 1"):
        net().fit(pd.Series([paths[0], np.nan]), [0, 1])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        net().fit(pd.Series([1.0, 2.0]), [0, 1])
    with pytest.raises(ValueError, match=r"different sizes, such as \(8, 8\) and \(8, 7\)"):
        net().fit([pixels[0], pixels[1][:, :7]], [0, 1])
    with pytest.raises(ValueError, match=r"different sizes"):
        ImageReshaper().fit(pd.Series([pixels[0], pixels[1][:, :7]]))
    with pytest.raises(ValueError, match=r"could not convert string .* a frame of one column"):
        net().fit(pd.DataFrame({"path": paths, "more": paths}), Y)
    with pytest.raises(ValueError, match="rows or images of different sizes"):
        net().fit([[1, 2], [3]], [0, 1])
    with pytest.raises(TypeError, match="a list of paths, received a set"):
        net().fit(set(paths), Y)
    for X in (pd.Series([*pixels]), [*pixels], pd.Series([*pixels.reshape(40, -1)])):
        assert_array_equal(ImageReshaper().fit_transform(X), ImageReshaper().fit_transform(pixels))
