"""Which output of a network is looked at, and how strongly each place of an image adds to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from skdl._displays.image_predictions import last_network
from skdl._estimators.base import BaseNetwork


def network_and_inputs(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the network within Pipelines and searches, and what it is given of X."""
    found, X = last_network(estimator, X, lambda each: isinstance(each, BaseNetwork))
    if not isinstance(found, BaseNetwork):
        raise TypeError(
            f"estimator={estimator!r} is not a network with convolutions. Give a fitted "
            "ConvNetClassifier, PretrainedFeatureClassifier, KerasClassifier or "
            "KerasRegressor, or a Pipeline or search that ends in one."
        )
    return found, X


def class_activations(
    net: Any, X: Any, layer: int | str | None, target: Any
) -> tuple[NDArray, list[str]]:
    """Return one map for each image, and what it is the map of."""
    network = net._whole(net._network)
    x = net._inputs(net._validated(X, reset=False))
    if hasattr(net, "_columns"):  # a network of the user's
        x, _ = net._for_network(x, network)
    units, signs, captions = _chosen(net, X, target)
    maps = network.class_activations(
        x,
        layer,
        units=units.astype(np.int32),
        signs=signs.astype(np.float32),
        are_scores=not is_classifier(net) or getattr(net._targets, "link", None) is not None,
    )
    return maps, captions


def _chosen(net, X, target):
    """Return which output of each image, with which sign, and how it is called."""
    if not is_classifier(net):
        values = np.asarray(net.predict(X))
        values = values.reshape(len(values), -1)
        unit = _column(target, values.shape[1], "output")
        captions = [f"{value:.3g}" for value in values[:, unit]]
        return np.full(len(values), unit), np.ones(len(values)), captions
    probabilities = net.predict_proba(X)
    n, classes = len(probabilities), net.classes_
    if net._targets.kind == "multilabel":
        places = probabilities.argmax(axis=1)
        if target is not None:
            places[:] = _column(target, probabilities.shape[1], "label")
        classes = np.arange(probabilities.shape[1])
    elif target is None:
        places = probabilities.argmax(axis=1)
    elif np.ndim(target):
        raise ValueError(
            f"target must be the label of one class, received {target!r}. Draw one display per "
            "class."
        )
    else:
        known = np.flatnonzero(np.asarray(classes == target))
        if len(known) != 1:
            raise ValueError(f"target={target!r} is not one of the classes {classes.tolist()!r}.")
        places = np.full(n, known[0])
    captions = [
        f"{classes[place]} ({of_class[place]:.0%})"
        for place, of_class in zip(places, probabilities, strict=True)
    ]
    if net.n_outputs_ == 1:  # one unit, which speaks for the second class and against the first
        return np.zeros(n), np.where(places == 1, 1.0, -1.0), captions
    return places, np.ones(n), captions


def _column(target, n, what):
    if target is None and n == 1:
        return 0
    if not isinstance(target, int | np.integer) or not 0 <= target < n:
        raise ValueError(
            f"target must be the number of one {what}, from 0 to {n - 1}, received {target!r}."
        )
    return int(target)
