"""`PretrainedFeatureExtractor`: images in any form in, features out, each computed once."""

import pickle
import threading

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from backbones import counted, tiny, transfer
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skdl import PretrainedFeatureExtractor
from skdl._transformers.feature_store import FeatureStore
from skdl._transformers.image_files import LazyImages
from skdl.exceptions import PixelRangeWarning

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(12) % 2


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


# Features that are kept.


@pytest.mark.parametrize("as_object", [False, True])
def test_each_image_is_computed_once(tmp_path, count, as_object):
    folder = str(tmp_path / "cache")
    memory = joblib.Memory(folder, verbose=0) if as_object else folder
    extractor = PretrainedFeatureExtractor(counted, memory=memory, batch_size=4).fit(IMAGES)
    expected = PretrainedFeatureExtractor(counted).fit_transform(IMAGES)
    before = count()
    assert_array_equal(extractor.transform(IMAGES[:7]), expected[:7])
    assert count() - before == 7
    twice = RNG.permutation(np.tile(np.arange(12), 2))
    assert_array_equal(extractor.transform(IMAGES[twice]), expected[twice])
    assert_array_equal(clone(extractor).fit_transform(IMAGES), expected)
    assert count() - before == 12
    extractor.transform(IMAGES.astype(np.float32))  # other bytes, so others
    assert count() - before == 24
    if as_object:
        memory.clear(warn=False)
        clone(extractor).fit_transform(IMAGES)
        assert count() - before == 36


def test_what_decides_features_is_told_apart(tmp_path):
    settings = {"memory": str(tmp_path), "random_state": 0, "weights": None}
    variants = [{}, {"pooling": "avg"}, {"layer": "first"}, {"preprocess": 0.5}]
    variants += [{"image_shape": (6, 6)}, {"random_state": 1}, {"preprocess": "VGG16"}]
    for variant in variants:
        kept = PretrainedFeatureExtractor(tiny, **{**settings, **variant}).fit_transform(IMAGES)
        fresh = {**settings, **variant, "memory": None}
        assert_array_equal(kept, PretrainedFeatureExtractor(tiny, **fresh).fit_transform(IMAGES))
    files = [*tmp_path.rglob("*.sqlite")]
    assert len(files) == len(variants)


def test_names_of_layers_do_not_matter(tmp_path):
    for name in ("one", "other"):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Conv2D(2, 3, kernel_initializer="ones", name=name),
            ]
        )
        PretrainedFeatureExtractor(model, memory=tmp_path).fit_transform(IMAGES)
    assert len([*tmp_path.rglob("*.sqlite")]) == 1


def test_names_of_other_graphs_and_wrapped_layers_do_not_matter(tmp_path):
    for name in ("one", "other"):
        inputs = keras.Input((8, 8, 3), name=f"{name}_inputs")
        x = keras.layers.Conv2D(2, 3, kernel_initializer="ones", name=name)(inputs)
        x = keras.layers.TimeDistributed(keras.layers.Dense(2, kernel_initializer="ones"))(x)
        x = keras.layers.add([x, keras.ops.relu(x)])
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.Model(inputs, x)])
        PretrainedFeatureExtractor(model, memory=tmp_path).fit_transform(IMAGES)
    assert len([*tmp_path.rglob("*.sqlite")]) == 1


def test_layers_named_by_what_they_do_are_told_apart(tmp_path):
    def relu_or_tanh(name):
        layers = [keras.Input((8, 8, 3)), keras.layers.Activation(name, name=name)]
        return keras.Sequential(layers, name="net")

    def pooled(name):
        return keras.Sequential(
            [keras.Input((8, 8, 3)), getattr(keras.layers, name)(2, name=name)], name="net"
        )

    def crossed(first, second):  # which of two layers comes first
        inputs = keras.Input((8, 8, 3))
        a = keras.layers.Rescaling(2.0, name="a")
        b = keras.layers.Rescaling(1.0, 1.0, name="b")
        order = {"a": a, "b": b}
        return keras.Model(inputs, order[second](order[first](inputs)), name="net")

    models = [*map(relu_or_tanh, ("relu", "tanh")), crossed("a", "b"), crossed("b", "a")]
    models += map(pooled, ("MaxPooling2D", "AveragePooling2D"))
    for model in models:
        kept = PretrainedFeatureExtractor(model, memory=tmp_path).fit_transform(IMAGES)
        assert_array_equal(kept, PretrainedFeatureExtractor(model).fit_transform(IMAGES))
    assert len([*tmp_path.rglob("*.sqlite")]) == len(models)


def test_changed_weights_have_features_of_their_own(tmp_path):
    settings = {"weights": None, "random_state": 0, "pooling": "avg"}
    extractor = PretrainedFeatureExtractor(tiny, memory=str(tmp_path), **settings).fit(IMAGES)
    before = extractor.transform(IMAGES[:6])
    model = extractor.model_
    model.set_weights([2 * weight for weight in model.get_weights()])
    expected = model.predict(IMAGES, verbose=0)
    assert_allclose(extractor.transform(IMAGES), expected, rtol=1e-4)
    loaded = pickle.loads(pickle.dumps(extractor))
    assert_allclose(loaded.transform(IMAGES), expected, rtol=1e-4)
    model.set_weights([2 * weight for weight in model.get_weights()])
    expected = model.predict(IMAGES, verbose=0)
    assert_allclose(extractor.transform(IMAGES), expected, rtol=1e-4)
    assert_array_equal(clone(extractor).fit_transform(IMAGES)[:6], before)


@pytest.mark.processes
def test_a_search_over_two_processes_computes_each_image_once(tmp_path, count):
    extractor = PretrainedFeatureExtractor(counted, memory=str(tmp_path / "cache"))
    pipeline = make_pipeline(extractor, LogisticRegression())
    grid = {"logisticregression__C": [0.1, 1.0, 10.0]}
    one = GridSearchCV(pipeline, grid, cv=3).fit(IMAGES, LABELS)
    assert count() == 12
    GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(IMAGES, LABELS)
    assert count() == 12
    afresh = clone(pipeline).set_params(
        pretrainedfeatureextractor__memory=str(tmp_path / "other"),
    )
    two = GridSearchCV(afresh, grid, cv=3, n_jobs=2).fit(IMAGES, LABELS)
    assert count() == 24
    assert_array_equal(two.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"])


def test_threads_compute_each_image_once(tmp_path, count):
    extractor = PretrainedFeatureExtractor(counted, memory=str(tmp_path / "cache"), batch_size=2)
    extractor.fit(IMAGES)
    found = {}

    def work(i):
        found[i] = extractor.transform(IMAGES[RNG.permutation(12)]).sum()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert count() == 12


def test_a_cache_that_cannot_be_read(tmp_path):
    extractor = PretrainedFeatureExtractor(tiny, weights=None, random_state=0, memory=tmp_path)
    expected = extractor.fit_transform(IMAGES)
    (file,) = tmp_path.rglob("*.sqlite")
    file.write_bytes(b"no database" * 100)
    with pytest.raises(OSError, match=r"\.sqlite cannot be used.*Delete the file"):
        extractor.transform(IMAGES)
    file.unlink()
    assert_array_equal(extractor.transform(IMAGES), expected)
    with pytest.raises((TypeError, ValueError), match="memory"):
        clone(extractor).set_params(memory=3).fit(IMAGES)


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def connection(store):
        file = connect(store)
        file.execute("PRAGMA max_page_count = 3")
        return file

    connect = FeatureStore._connection
    monkeypatch.setattr(FeatureStore, "_connection", connection)
    extractor = PretrainedFeatureExtractor(tiny, weights=None, random_state=0, memory=tmp_path)
    with pytest.raises(OSError, match="disk is full"):
        extractor.fit_transform(np.tile(IMAGES, (1, 8, 8, 1)))


def test_home_in_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = tiny((8, 8, 3))
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    expected = PretrainedFeatureExtractor(model).fit_transform(IMAGES)
    of_file = PretrainedFeatureExtractor("~/model.keras", memory="~/cache")
    of_weights = PretrainedFeatureExtractor(tiny, weights="~/model.weights.h5")
    for extractor in (of_file, of_weights):
        assert_allclose(extractor.fit_transform(IMAGES), expected, rtol=1e-5, atol=1e-5)
    assert (tmp_path / "cache").is_dir()
    assert not (tmp_path / "~").exists()


def test_turned_images_have_features_of_their_own(tmp_path):
    path, exif = str(tmp_path / "lying.png"), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(IMAGES[0]).save(path, exif=exif)
    settings = {"memory": str(tmp_path / "cache"), "pooling": None}
    upright = PretrainedFeatureExtractor(tiny((8, 8, 3)), **settings).fit([path])
    lying = clone(upright).set_params(exif_orientation=False).fit([path])
    for _ in range(2):  # computed, then kept
        as_stored, turned = lying.transform([path]), upright.transform([path])
        assert_array_equal(as_stored, upright.transform(IMAGES[:1]))
        assert_array_equal(turned, upright.transform(np.rot90(IMAGES[:1], -1, (1, 2))))
        assert np.abs(turned - as_stored).max() > 1
    held = Image.open(path)
    assert_array_equal(upright.transform([held]), turned)


def test_a_memory_without_a_place_keeps_nothing():
    extractor = PretrainedFeatureExtractor(tiny, memory=joblib.Memory(None))
    assert extractor.fit_transform(IMAGES).shape == (12, 512)


# Transfer.


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
