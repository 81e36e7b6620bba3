"""Every public estimator with the configurations that the common tests run it in.

Estimators are found among the public names of `skdl`; one without configurations fails the
tests, so that none is forgotten.
"""

from inspect import signature

from backbones import tiny
from sklearn.base import BaseEstimator, is_classifier, is_regressor

import skdl

# scikit-learn compares weighted with repeated rows, and rows of weight 0 with rows left out, to
# 1e-7. In float64, in one full batch and with nothing drawn, the same checks pass: the
# configuration EXACT. Why the others fail has one of two reasons.
FLOAT32 = "compares predictions at 1e-7, below the rounding of float32 sums in another order"
OTHER_BATCHES = (
    "repeated rows make other mini-batches, draw other masks and images, and are held out apart "
    "from each other, as in any stochastic training"
)
EXACT = {"large_batch_float64"}
_WEIGHTS = "check_sample_weight_equivalence_on_{}_data"
WEIGHT_CHECKS = [_WEIGHTS.format(kind) for kind in ("dense", "sparse")]
# These happen to round alike.
_PASS_ALL_THE_SAME = {
    ("DenseRegressor", "sgd", _WEIGHTS.format("dense")),
    ("DenseRegressor", "sgd", _WEIGHTS.format("sparse")),
    ("DenseRegressor", "defaults", _WEIGHTS.format("dense")),
    ("TextBoWClassifier", "defaults", _WEIGHTS.format("dense")),
}

_DENSE = {
    "defaults": {},
    "dropout_tanh": {"dropout": 0.3, "activation": "tanh", "learning_rate": 0.01},
    "batch_normalization": {"batch_normalization": True, "learning_rate": 0.01},
    "early_stopping": {"early_stopping": True, "patience": 20},
    "large_batch_float64": {"batch_size": 1000, "dtype": "float64", "learning_rate": 0.01},
    "small_batch": {"batch_size": 7, "l2": 1e-4, "epochs": 30},
}
_SGD = {"optimizer": "sgd", "learning_rate": 0.05}
_WORDS = {"input": "indices", "max_words": 50}


def dense_network(input_shape, n_outputs, output_activation, hidden=16):
    """Return a small dense network, as a user's function would."""
    import keras

    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Dense(hidden, activation="relu"),
        keras.layers.Dense(n_outputs, activation=output_activation),
    ])  # fmt: skip


def image_network(input_shape, n_outputs):
    """Return a network that takes a row of numbers as an image, with linear outputs."""
    import keras

    inputs = keras.Input(input_shape)
    x = keras.layers.Reshape((input_shape[0], 1, 1))(inputs)
    x = keras.layers.Conv2D(8, (2, 1), padding="same", activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(keras.layers.Flatten()(x)))


def sequence_network(meta):
    """Return a recurrent network, compiled, with a unit a class and nothing asked but that."""
    import keras

    n_classes, kind = meta.get("n_classes_", 0), meta["target_type_"]
    activation = "sigmoid" if kind == "multilabel-indicator" else "softmax" if n_classes else None
    outputs = keras.layers.Dense(n_classes or meta["n_outputs_"], activation=activation)
    model = keras.Sequential([
        keras.Input((meta["n_features_in_"],)),
        keras.layers.Reshape((-1, 1)),
        keras.layers.GRU(12),
        outputs,
    ])  # fmt: skip
    model.compile(keras.optimizers.RMSprop(0.02), metrics=["mae"] if not n_classes else None)
    return model


_OWN = {
    "dense": {"model": dense_network, "learning_rate": 0.01, "epochs": 30},
    "image": {"model": image_network, "learning_rate": 0.02, "epochs": 30},
    "sequence": {"model": sequence_network, "epochs": 30},
    "hyperparameters_early_stopping": {
        "model": dense_network,
        "model_params": {"hidden": 32},
        "early_stopping": True,
        "patience": 20,
        "epochs": 60,
        "learning_rate": 0.02,
    },
    "large_batch_float64": {
        "model": dense_network,
        "batch_size": 1000,
        "dtype": "float64",
        "learning_rate": 0.02,
        "epochs": 60,
    },
}
_TABULAR = {
    "small": {"n_members": 2, "hidden_layer_sizes": (32,), "epochs": 60, "learning_rate": 0.01},
    "defaults": {},
    "deep_in_threads": {"hidden_layer_sizes": (32, 16), "n_jobs": 2, "batch_size": 64},
}
_TINY = {"backbone": tiny, "weights": None, "image_shape": (4, 4)}
CONFIGURATIONS = {
    # As with CountVectorizer, hardly any check knows how to make texts; word indices they can.
    "OneHotTextVectorizer": {"word_indices": _WORDS, "counts": {**_WORDS, "binary": False}},
    "TokenSequencer": {
        "word_indices": {"input": "indices", "max_words": 50},
        "post": {"input": "indices", "length": 3, "padding": "post"},
    },
    "ImageReshaper": {"automatic": {}, "unscaled": {"rescale": None}, "fixed": {"rescale": 0.1}},
    "PiecewiseLinearEncoder": {
        "quantile": {},
        "bins_alone_float64": {"n_bins": 4, "keep": None, "dtype": "float64"},
        "uniform_standardized": {
            "n_bins": 3,
            "knots": "uniform",
            "keep": "standardized",
            "scale_bins": False,
            "add_indicator": False,
            "dtype": None,
        },
    },
    "TextBoWClassifier": {
        **_DENSE,
        "batch_normalization": {
            **_DENSE["batch_normalization"],
            "epochs": 100,
            "hidden_layer_sizes": 100,
        },
        "sgd_class_weight": {**_SGD, "class_weight": "balanced"},
    },
    "ConvNetClassifier": {
        "defaults": {},
        "batch_normalization": {"batch_normalization": True, "conv_dropout": 0.1},
        "strides_same": {"strides": (2, 1), "padding": "same", "early_stopping": True},
        "dilation_augmentation": {
            # On images of a few pixels a dilated kernel is cut to one, and pooling would then
            # forget where a pixel was.
            "dilation_rate": 2,
            "pool_size": None,
            "augmentation": {"translation": 0.02, "zoom": 0.02},
        },
        "large_batch_float64": {"batch_size": 1000, "dtype": "float64", "learning_rate": 0.01},
    },
    "PretrainedFeatureExtractor": {
        "as_they_are": {"backbone": tiny, "weights": None},
        "resized_pooled": {**_TINY, "pooling": "avg", "preprocess": "MobileNetV2"},
        "layer_factor": {**_TINY, "layer": "first", "preprocess": 0.1, "pooling": "max"},
    },
    "PretrainedFeatureClassifier": {
        "features": {**_TINY, "epochs": 30},
        "fine_tune": {
            **_TINY,
            "training": "fine_tune",
            "fine_tune_from": "second",
            "fine_tune_epochs": 2,
            "epochs": 25,
        },
        "augmented_early_stopping": {
            **_TINY,
            "training": "augmented",
            "augmentation": {"translation": 0.02},
            "early_stopping": True,
        },
        "large_batch_float64": {
            **_TINY,
            "batch_size": 1000,
            "dtype": "float64",
            "learning_rate": 0.01,
            "dropout": 0.0,
        },
    },
    "KerasClassifier": _OWN,
    "KerasRegressor": _OWN,
    "TabularClassifier": {
        **_TABULAR,
        "balanced": {**_TABULAR["small"], "class_weight": "balanced"},
    },
    "TabularRegressor": _TABULAR,
    "DenseClassifier": {**_DENSE, "sgd_class_weight": {**_SGD, "class_weight": "balanced"}},
    "DenseRegressor": {**_DENSE, "sgd": {**_SGD, "learning_rate": 0.01}},
}


def public_estimators():
    """Return the public estimator classes by name, found in `skdl.__all__`."""
    found = {name: getattr(skdl, name) for name in skdl.__all__}
    return {
        name: cls
        for name, cls in found.items()
        if isinstance(cls, type) and issubclass(cls, BaseEstimator)
    }


def constructible():
    """Return those that need no argument, such as the function that builds a network."""
    return {n: cls for n, cls in public_estimators().items() if not n.startswith("Keras")}


def configured(only=None):
    """Yield (name of the configuration, estimator) for every public estimator."""
    for name, cls in public_estimators().items():
        if name not in CONFIGURATIONS:
            raise LookupError(f"{name} is public but has no configurations in tests/registry.py")
        for configuration, parameters in CONFIGURATIONS[name].items():
            if only is None or configuration in only:
                yield configuration, cls(**parameters)


def excused(estimator):
    """Return the checks that fail for an estimator of `configured`, each with its reason."""
    cls = type(estimator).__name__
    if not (is_classifier(estimator) or is_regressor(estimator)):
        return {}
    changed = _changed(estimator)
    (name,) = (name for name, given in CONFIGURATIONS[cls].items() if given == changed)
    if name in EXACT:
        return {}
    reason = OTHER_BATCHES if _is_stochastic(estimator) else FLOAT32
    return {
        check: reason for check in WEIGHT_CHECKS if (cls, name, check) not in _PASS_ALL_THE_SAME
    }


def _changed(estimator):
    defaults = {
        parameter.name: parameter.default
        for parameter in signature(type(estimator)).parameters.values()
    }
    return {k: v for k, v in estimator.get_params(deep=False).items() if v != defaults[k]}


def _is_stochastic(estimator):
    """Tell whether the check's 15 rows, repeated, make another training than weights do."""
    parameters = estimator.get_params()
    draws = (
        *("dropout", "conv_dropout", "augmentation", "batch_normalization", "early_stopping"),
        "n_members",
    )
    return any(parameters.get(name) for name in draws) or parameters["batch_size"] < 32
