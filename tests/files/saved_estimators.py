"""Estimators that are saved, data for them, and what they predict."""

import numpy as np
import scipy.sparse as sp
from backbones import tiny
from registry import constructible
from sklearn.base import is_classifier, is_regressor

import skdl


def backbone(input_shape=(None, None, 3)):
    """Return a small network, as the function that a user would write."""
    return tiny(input_shape)


BACKBONE = {"backbone": backbone, "weights": None, "image_shape": (4, 4)}
PARAMETERS = {
    "PretrainedFeatureClassifier": BACKBONE,
    "PretrainedFeatureExtractor": {**BACKBONE, "random_state": 0},
    "OneHotTextVectorizer": {"input": "indices", "max_words": 50},
    "TokenSequencer": {"input": "indices", "max_words": 50},
}
NETWORKS = [name for name, cls in constructible().items() if hasattr(cls, "partial_fit")]


def made(name, **parameters):
    estimator = constructible()[name](**PARAMETERS.get(name, {}))
    if is_classifier(estimator) or is_regressor(estimator):
        estimator.set_params(epochs=2, random_state=0)
    return estimator.set_params(**parameters)


def data(estimator):
    rng = np.random.default_rng(0)
    if isinstance(estimator, skdl.OneHotTextVectorizer | skdl.TokenSequencer):
        return rng.integers(0, 60, size=(60, 16)), None
    X, y = rng.normal(size=(60, 16)).astype(np.float32), np.arange(60) % 3
    X[:, :3] += 3 * np.eye(3)[y]
    return X, (y + X[:, 4] if is_regressor(estimator) else np.array(["a", "b", "c"])[y])


def outputs(estimator, X):
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(estimator, method):
            found = getattr(estimator, method)(X)
            return found.toarray() if sp.issparse(found) else found
    raise AssertionError(estimator)


def round_trip(estimator, folder, **arguments):
    skdl.save(estimator, folder / "saved.skdl")
    return skdl.load(folder / "saved.skdl", **arguments)


# The backbone of the tests is a function of theirs.
TRUSTED = {"trusted": [backbone]}


def net(**parameters):
    return skdl.DenseClassifier((5,), **{"epochs": 2, "random_state": 0} | parameters)
