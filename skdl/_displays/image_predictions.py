"""What predictions say of images: their labels, the probabilities and the names of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_array

from skdl._common.counts import counted
from skdl._common.images import as_rows, checked_shape, pixel_maximum, resolve_image_shape
from skdl._common.settings import numpy_defaults
from skdl._estimators.custom.network import OwnNetworkEstimator
from skdl._estimators.supervised import NetworkClassifier
from skdl._transformers.image_files import LazyImages, as_sources


def labels_and_probabilities(net: Any, X: Any) -> tuple[NDArray, NDArray | None]:
    """Return what a classifier predicts, with None where it has no `predict_proba`."""
    if not hasattr(net, "predict_proba"):
        return net.predict(X), None
    y_proba = net.predict_proba(X)
    *_, last = _inside(net)
    # Others than networks, such as SVC, may predict another class than the most probable one.
    network = getattr(type(last), "predict", None) is NetworkClassifier.predict
    if network and last._targets.kind != "multilabel":
        return net.classes_[y_proba.argmax(axis=1)], y_proba
    return net.predict(X), y_proba


def labels_of(y: ArrayLike, name: str) -> NDArray:
    """Return labels as an array of one dimension."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"{name} must be one label per row, received an array of shape {y.shape}.")
    return y


def probabilities_of(
    y_proba: ArrayLike | None, classes: NDArray, y_true: NDArray, y_pred: NDArray
) -> Sequence[NDArray | None]:
    """Return the probabilities of the true and of the predicted labels, None if not known."""
    if y_proba is None:
        return None, None
    y_proba = np.asarray(y_proba)
    if y_proba.ndim != 2 or y_proba.shape[1] != len(classes):
        raise ValueError(
            f"y_proba must have one column for each of the {len(classes)} classes "
            f"{classes.tolist()!r}, received an array of shape {y_proba.shape}. Give the labels "
            "of its columns as classes."
        )
    order = np.argsort(classes)
    rows, found = np.arange(len(y_proba)), []
    for y in (y_true, y_pred):
        place = order[np.searchsorted(classes, y, sorter=order) % len(classes)]
        # A label that the network was not trained on has no probability.
        found.append(np.where(classes[place] == y, y_proba[rows, place], np.nan))
    return found


def naming(classes: NDArray, display_labels: Sequence[str] | None) -> Callable[[NDArray], NDArray]:
    """Return a function from labels to what is shown for them."""
    if display_labels is None:
        return lambda y: y
    if len(display_labels) != len(classes):
        raise ValueError(
            f"display_labels has {counted(len(display_labels), 'name')} for the {len(classes)} "
            "classes "
            f"{classes.tolist()!r}."
        )
    names = dict(zip(classes.tolist(), display_labels, strict=True))
    return lambda y: np.array([names.get(label, label) for label in y.tolist()], dtype=object)


def pixels_of(
    X: Any, image_shape: tuple[int, ...] | None, upright: bool
) -> tuple[Any, tuple[int, int, int]]:
    """Return images as rows of pixels, or as files yet to be read, and their shape."""
    sources = as_sources(X)
    if sources is None:
        rows, given = as_rows(X)
        rows = check_array(rows, accept_sparse="csr", input_name="X")
        return rows, resolve_image_shape(rows.shape[1], given, image_shape)
    if image_shape is None:
        raise ValueError(
            "X holds files, but image_shape=None does not say how large to read the images. Give "
            "image_shape=(height, width, channels)."
        )
    shape = checked_shape(image_shape, 1)
    return LazyImages(sources, shape, upright=upright), shape


def first_images(net: Any, X: Any, max_images: int) -> Any:
    """Return the first images of X, which must not be one image without the axis of images."""
    shape, given = settled_shape(net), tuple(getattr(X, "shape", ()))
    is_one = len(given) in (2, 3) and (*given, 1)[:3] == shape
    if shape is not None and is_one and given[1] != prod(shape):
        raise ValueError(f"X is one image of shape {given}. Give X[None], a batch of one.")
    return X.iloc[:max_images] if hasattr(X, "iloc") else X[:max_images]


def last_network(estimator: Any, X: Any, is_wanted: Callable[[Any], bool]) -> tuple[Any, Any]:
    """Return the wanted estimator within Pipelines and searches, and what it is given of X.

    If there is none, return the innermost one.
    """
    while not is_wanted(estimator):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif len(getattr(estimator, "steps", ())) > 0:
            before, estimator = estimator[:-1], estimator.steps[-1][1]
            X = before.transform(X) if len(before.steps) else X
        else:
            break
    return estimator, X


def images_given_to(
    net: Any, X: Any, n_images: int, image_shape: tuple[int, ...] | None = None
) -> NDArray:
    """Return the first images that a network is given, as values in 0..1 with all their axes."""
    shape = settled_shape(net) if image_shape is None else image_shape
    pixels, shape = pixels_of(with_channels_last(net, X), shape, settled_orientation(net))
    return scaled_pixels(pixels, np.arange(n_images)).reshape(-1, *shape)


def with_channels_last(net: Any, X: Any) -> Any:
    """Return images as they are drawn: a network of the user's may take the channels first."""
    net = getattr(net, "best_estimator_", net)
    if not isinstance(net, OwnNetworkEstimator) or len(np.shape(X)) != 4:
        return X
    formats = {
        getattr(layer, "data_format", None) for layer in net._network.model._flatten_layers()
    }
    return np.moveaxis(np.asarray(X), 1, -1) if "channels_first" in formats else X


def settled_shape(net: Any) -> tuple[int, int, int] | None:
    """Return the shape of images that an estimator or one inside it settled on."""
    return next((one.image_shape_ for one in _inside(net) if hasattr(one, "image_shape_")), None)


def settled_orientation(net: Any) -> bool:
    """Return whether an estimator or one inside it turns images upright as it reads them."""
    found = (one.exif_orientation for one in _inside(net) if hasattr(one, "exif_orientation"))
    return next(found, True)


def _inside(net: Any) -> Iterator[Any]:
    """Yield an estimator, and what searches and Pipelines hold, the one that predicts last."""
    yield net
    best = getattr(net, "best_estimator_", None)
    for one in [best] * (best is not None) + [step for _, step in getattr(net, "steps", ())]:
        yield from _inside(one)


@numpy_defaults()
def scaled_pixels(rows: Any, shown: NDArray) -> NDArray:
    """Return some of the rows of pixels as values in 0..1."""
    maximum = pixel_maximum(rows)
    rows = rows[shown]
    rows = np.asarray(rows.toarray() if issparse(rows) else rows, dtype=np.float32)
    low, high = (min(rows.min(), 0), rows.max()) if rows.size else (0, 1)
    if low == 0 and high <= maximum:
        return rows / maximum
    return (rows - low) / (high - low or 1)
