"""Models for the tests of OpenML, and how two of them are compared."""

import keras
from openml.extensions.sklearn import cat, cont
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SMALL = {"hidden_layer_sizes": (5,), "epochs": 3, "random_state": 3}


def columns():
    """Return what turns OpenML's columns of numbers and categories into numbers."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_column_transformer((numbers, cont), (OneHotEncoder(handle_unknown="ignore"), cat))


def configurations():
    """Return Keras objects by parameter, and their configurations."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 20, 0.9)
    objects = {
        "optimizer": keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True),
        "loss": keras.losses.CategoricalFocalCrossentropy(gamma=1.0, label_smoothing=0.1),
        "activation": keras.layers.LeakyReLU(negative_slope=0.1),
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.01, seed=0),
        "metrics": keras.metrics.TopKCategoricalAccuracy(2, name="top"),
    }
    return objects, {k: keras.saving.serialize_keras_object(v) for k, v in objects.items()}


def plain(value):
    """Return a parameter with all that openml turns into lists as lists."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "get_params"):
        return type(value), plain(value.get_params(deep=False))
    if isinstance(value, StratifiedKFold):
        return vars(value)
    return "nan" if isinstance(value, float) and value != value else value
