"""scikit-learn estimators that are Keras networks."""

from importlib import import_module as _import_module

__version__ = "0.1.0"

# Each public name with the module that defines it. Names resolve on first use, so that
# `import skdl` loads neither TensorFlow nor Keras.
_MODULES = {
    "DenseClassifier": "_dense",
    "DenseRegressor": "_dense",
    "OneHotTextVectorizer": "_text",
    "TextBoWClassifier": "_text_classifier",
    "ConvNetClassifier": "_convnet",
    "PretrainedFeatureClassifier": "_pretrained",
    "PretrainedFeatureExtractor": "_extractor",
    "ImageReshaper": "_transformers",
    "LossCurveDisplay": "_loss_curve",
    "FilterDisplay": "_filter_display",
    "ImageGridDisplay": "_image_grid",
    "SearchDisplay": "_search_display",
    "build_dense": "_networks",
    "build_convnet": "_convnets",
    "build_pretrained": "_pretrained_networks",
    "to_onnx": "_onnx",
    "save": "_saving",
    "load": "_saving",
    "datasets": None,
    "exceptions": None,
    "openml": None,
}

__all__ = [*_MODULES, "__version__"]


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module 'skdl' has no attribute {name!r}")
    module = _MODULES[name]
    value = (
        _import_module(f"skdl.{name}")
        if module is None
        else getattr(_import_module(f"skdl.{module}"), name)
    )
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
