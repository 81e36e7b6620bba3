"""Features that `PretrainedFeatureExtractor` keeps, and what decides them."""

import pickle
import threading

import joblib
import keras
import numpy as np
import pytest
from backbones import counted, tiny
from extractor_images import IMAGES, RNG
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdl import PretrainedFeatureExtractor
from skdl._transformers.feature_store import FeatureStore

LABELS = np.arange(12) % 2


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


@pytest.mark.slow
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


@pytest.mark.processes(workers=True)
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
