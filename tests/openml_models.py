"""Models for the tests of OpenML, and how two of them are compared."""

from itertools import chain, combinations

import keras
from openml.extensions.sklearn import cat, cont
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)

SMALL = {"hidden_layer_sizes": (5,), "epochs": 3, "random_state": 3}


def columns():
    """Return what turns OpenML's columns of numbers and categories into numbers."""
    return make_column_transformer(
        (StandardScaler(), cont), (OneHotEncoder(handle_unknown="ignore"), cat)
    )


def pipeline(model):
    """Return a model for tables with missing values."""
    return make_pipeline(columns(), SimpleImputer(), model)


def model_of_parameters(n, search=False):
    """Return a regressor whose parts have n parameters, not counting those that are estimators."""
    parts = [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), VarianceThreshold(), PCA()]
    parts += [Normalizer(), Binarizer(), RobustScaler(), PowerTransformer(), SimpleImputer()]
    parts += [PolynomialFeatures(), SplineTransformer(), FunctionTransformer()]
    n -= 4 + len(Ridge().get_params()) + 9 * search
    choices = chain.from_iterable(combinations(parts, r) for r in range(len(parts)))
    chosen = next(c for c in choices if sum(len(p.get_params()) for p in c) == n)
    model = make_pipeline(*chosen, Ridge())
    return GridSearchCV(model, {"ridge__alpha": [0.1, 1.0]}, cv=2) if search else model


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
