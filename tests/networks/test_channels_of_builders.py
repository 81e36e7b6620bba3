"""Builders that leave the place of the channels to a setting of Keras's that is not ours."""

import pickle
import warnings

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skdl import KerasClassifier, PretrainedFeatureExtractor, load, save

X = np.random.default_rng(0).random((40, 6, 6, 6)).astype("float32")
Y = np.arange(40) % 2


def build(n_outputs, output_activation, data_format=None):
    return keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, padding="same", data_format=data_format, name="conv"),
            keras.layers.GlobalAveragePooling2D(data_format=data_format, name="pooling"),
            keras.layers.Flatten(name="flat"),  # of a table: nothing depends on its channels
            keras.layers.Dense(n_outputs, activation=output_activation),
        ]
    )


def backbone():
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 3, name="conv")])


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


def net(**parameters):
    return KerasClassifier(build, epochs=1, random_state=0, **parameters)


def test_a_builder_without_a_data_format_is_warned_of(channels_first):
    with pytest.warns(UserWarning, match=r"layers \['conv', 'pooling'\] of model=build have") as w:
        fitted = net().fit(X, Y)
    assert w[0].filename == __file__
    assert fitted.model_.layers[0].data_format == "channels_last"
    assert keras.config.image_data_format() == "channels_first"
    with pytest.warns(UserWarning, match="of backbone=backbone have no data_format"):
        PretrainedFeatureExtractor(backbone).fit(np.zeros((2, 8, 8, 3)))


def test_a_builder_that_says_where_its_channels_are_is_heard(channels_first):
    first = net(model_params={"data_format": "channels_first"}).fit(X, Y)
    assert first.model_.layers[0].data_format == "channels_first"
    search = GridSearchCV(net(), {"model__data_format": ["channels_last"]}, cv=2)
    assert search.fit(X, Y).best_estimator_.model_.layers[0].data_format == "channels_last"


def test_fitted_networks_mean_the_same_under_any_setting(tmp_path):
    pytest.importorskip("skops")
    fitted = net().fit(X, Y)
    expected, pickled = fitted.predict_proba(X), pickle.dumps(fitted)
    save(fitted, tmp_path / "net.skdl")
    keras.config.set_image_data_format("channels_first")
    try:
        with warnings.catch_warnings(action="error"):
            again = pickle.loads(pickled), load(tmp_path / "net.skdl", trusted=[build])
            found = [each.predict_proba(X) for each in again]
    finally:
        keras.config.set_image_data_format("channels_last")
    for each in found:
        np.testing.assert_array_equal(each, expected)
