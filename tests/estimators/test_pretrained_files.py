"""`PretrainedFeatureClassifier` on image files, batches, and features that are kept."""

import keras
import numpy as np
import pytest
from backbones import counted, tiny
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.model_selection import GridSearchCV
from slow_cases import slow_but
from tiny_pretrained import IMAGES, LABELS, TRAININGS, net

from skdl._transformers.image_files import LazyImages


@pytest.mark.parametrize("training", TRAININGS)
def test_predicting_a_data_set_of_batches(training):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return IMAGES[10 * i : 10 * i + 10], LABELS[10 * i : 10 * i + 10]

    fitted = net(training=training, epochs=1).fit(IMAGES, LABELS)
    expected = fitted.predict_proba(IMAGES)
    assert_allclose(fitted.predict_proba(Batches()), expected, rtol=1e-5)
    with pytest.raises(TypeError, match="cannot learn from a data set of batches"):
        fitted.fit(Batches())


def test_changed_weights_are_predicted_with(tmp_path):
    fitted = net(memory=str(tmp_path), epochs=1).fit(IMAGES, LABELS)
    fitted.predict(IMAGES)
    for factor in (2, 3):
        fitted.model_.set_weights([factor * weight for weight in fitted.model_.get_weights()])
        expected = fitted.model_.predict(IMAGES, verbose=0)
        assert_allclose(fitted.predict_proba(IMAGES)[:, 1:], expected, atol=1e-5)


@pytest.fixture
def paths(tmp_path):
    found = []
    for i, image in enumerate(IMAGES):
        found.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(image).save(found[-1])
    return np.array(found)


@pytest.mark.parametrize("training", slow_but(["features"], TRAININGS))
def test_files_are_trained_on_as_arrays_are(paths, training):
    model = tiny((6, 6, 3))
    settings = {"backbone": model, "weights": "imagenet", "training": training, "dropout": 0.0}
    by_array = net(**settings).fit(IMAGES, LABELS, None, IMAGES[:9], LABELS[:9])
    by_path = net(**settings).fit(paths, LABELS, None, paths[:9], LABELS[:9])
    for name, values in by_array.history_.items():
        assert_allclose(by_path.history_[name], values, rtol=1e-4)
    assert_allclose(by_path.predict_proba(paths), by_array.predict_proba(IMAGES), atol=1e-4)
    assert_allclose(by_path.predict_proba(IMAGES), by_array.predict_proba(paths), atol=1e-4)
    assert by_path.image_shape_ == (6, 6, 3)
    lazily = training != "features"
    assert by_path.training_program_ == ("keras" if lazily else by_array.training_program_)
    mixed = net(**settings).fit(IMAGES, LABELS, None, paths[:9], LABELS[:9])
    assert_allclose(mixed.history_["val_loss"], by_array.history_["val_loss"], rtol=1e-4)
    held_out = net(**settings, validation_split=0.2, metrics="accuracy").fit(paths, LABELS)
    assert len(held_out.history_["val_accuracy"]) == len(held_out.phases_)


@pytest.mark.parametrize("training", TRAININGS)
def test_files_are_read_batch_by_batch(paths, training, monkeypatch):
    sizes, read = [], LazyImages.__getitem__

    def noted(self, index):
        images = read(self, index)
        sizes.append(len(images))
        return images

    monkeypatch.setattr(LazyImages, "__getitem__", noted)
    net(training=training, image_shape=(6, 6)).fit(paths, LABELS)
    epochs = {"features": 1, "augmented": 3, "fine_tune": 1 + 2}[training]
    assert max(sizes) == 16
    assert 40 * epochs <= sum(sizes) <= 40 * epochs + 2 * 16  # Keras looks at the first batches


@pytest.mark.parametrize("training", ["features", "augmented"])
@pytest.mark.parametrize("held_out", [False, True])
def test_damaged_files_end_the_training_with_their_names(paths, training, held_out):
    for path in paths[[3, 30]]:
        with open(path, "r+b") as file:
            file.truncate(50)
    # The first batch, which Keras reads in a way of its own, holds none of them.
    order = np.roll(np.arange(40), -4)
    data = (paths[order], LABELS[order])
    if held_out:
        data = (IMAGES, LABELS, None, *data)
    with pytest.raises(OSError, match="2 of 40 image files cannot be read") as error:
        net(training=training, backbone=tiny((6, 6, 3)), shuffle=False).fit(*data)
    assert type(error.value) is OSError
    assert all(path in str(error.value) for path in paths[[3, 30]])


@pytest.mark.processes(workers=True)
def test_a_search_over_the_head_computes_each_image_once(tmp_path, count):
    classifier = net(backbone=counted, image_shape=(8, 8), memory=str(tmp_path / "one"), epochs=2)
    grid = {"hidden_layer_sizes": [4, 8], "learning_rate": [0.01, 0.1]}
    one = GridSearchCV(classifier, grid, cv=3).fit(IMAGES, LABELS)
    assert count() == 40
    afresh = classifier.set_params(memory=str(tmp_path / "two"))
    two = GridSearchCV(afresh, grid, cv=3, n_jobs=2).fit(IMAGES, LABELS)
    assert count() == 80
    assert_allclose(two.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"])
    one.best_estimator_.predict(IMAGES)
    assert count() == 80
