"""Warns of tables and of targets from which networks hardly learn until they are scaled."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_regressor

from skdl._common.caller import users_stacklevel
from skdl.exceptions import UnscaledDataWarning

if TYPE_CHECKING:
    from skdl._estimators.base import BaseNetwork

# Measured on a dozen tables: columns whose values are typically above 100, and more than 10 times
# those of a quarter of the columns, cost accuracy, as do values above 1000 of any column, and
# targets above 100 for a linear output. Values are typically their root mean square.
_LARGE, _HUGE, _RATIO = 100.0, 1000.0, 10.0
_FEWEST_ROWS, _MOST_CELLS = 10, 200_000
# So many epochs over so many rows should have brought a regressor's loss below this share of the
# variance of y.
_ENOUGH_EPOCHS, _ENOUGH_ROWS, _LEARNED = 10, 50, 0.5
_SQUARED = ("auto", "mse", "mean_squared_error", "MeanSquaredError")

_told: set[str] = set()  # what this process has been warned of, for instance by the first fold


def warn_of_inputs(estimator: BaseNetwork, network: Any, x: Any) -> None:
    """Warn if the columns of a table are to be scaled first.

    A sample of the rows is looked at. A network whose first layer is not dense has its own way
    with numbers.
    """
    if not estimator._on_tables or not _is_dense(_layers(network)[0]):
        return
    column = _column_out_of_scale(x)
    if column is not None:
        names = getattr(estimator, "feature_names_in_", range(x.shape[1]))
        _warn(
            estimator,
            f"X is not scaled: the values of column {names[column]!r} are so large that a network "
            "learns little from other columns, or hardly learns at all. Use make_pipeline("
            "StandardScaler(), {0}(...)), or {1}, which scales by itself.",
        )


def warn_of_targets(estimator: BaseNetwork, network: Any, y: Any) -> None:
    """Warn if a regressor has learned little, since its targets are far from the outputs.

    One that standardises y has no targets far from its outputs.
    """
    if not estimator._on_tables or not is_regressor(estimator) or estimator.loss not in _SQUARED:
        return
    standardizes = getattr(estimator, "_standardizes", None)
    if standardizes is not None and standardizes():
        return
    last = _layers(network)[-1]
    # An activation that is a layer has no such name.
    if not _is_dense(last) or getattr(last.activation, "__name__", None) != "linear":
        return
    values, loss = _sample(y), network.history["loss"]
    if (
        _typical(values).max() > _LARGE
        and len(loss) >= _ENOUGH_EPOCHS
        and len(y) >= _ENOUGH_ROWS
        and loss[-1] > _LEARNED * values.var(axis=0).mean()
    ):
        remedy = "TransformedTargetRegressor({0}(...), transformer=StandardScaler())"
        remedy = remedy if standardizes is None else "standardize_y=True"
        _warn(
            estimator,
            "y is not scaled: its values are so large that the network has learned little beyond "
            f"their size. Use {remedy}, or {{1}}, which scales by itself.",
        )


def _layers(network):
    """Return the layers behind the inputs, None in place of none."""
    model = network._model
    layers = (network._template().model if model is None else model).layers
    return [layer for layer in layers if type(layer).__name__ != "InputLayer"] or [None]


def _is_dense(layer):
    return type(layer).__name__ == "Dense"


def _warn(estimator, text):
    tabular = "TabularRegressor" if is_regressor(estimator) else "TabularClassifier"
    text = text.format(type(estimator).__name__, tabular)
    if text in _told:
        return
    warnings.warn(
        f"{text} To silence this warning: "
        "warnings.simplefilter('ignore', skdl.exceptions.UnscaledDataWarning).",
        UnscaledDataWarning,
        stacklevel=users_stacklevel(),
    )
    _told.add(text)


def _sample(values):
    """Return some of the rows as a matrix."""
    values = np.asarray(values)
    values = values.reshape(len(values), -1)
    step = max(1, values.size // _MOST_CELLS)
    return values[::step].astype(np.float64)


def _typical(rows):
    """Return the root mean square of each column."""
    return np.sqrt(np.mean(np.square(rows), axis=0))


def _column_out_of_scale(x):
    """Return the place of the column of largest values, None if X is scaled well enough."""
    if issparse(x) or getattr(x, "ndim", 0) != 2 or len(x) < _FEWEST_ROWS or not x.shape[1]:
        return None
    rows = _sample(x)
    typical = _typical(rows)
    largest = int(np.argmax(typical))
    if typical[largest] <= _LARGE or _are_pixels(rows):
        return None
    varying = typical[rows.std(axis=0) > 0]
    small = np.quantile(varying, 0.25) if len(varying) else 0.0
    out_of_scale = typical[largest] > _HUGE or typical[largest] > _RATIO * small
    return largest if out_of_scale else None


def _are_pixels(rows):
    """Tell whether rows look like images: many whole numbers from 0 to 255."""
    inside = rows.min() >= 0 and rows.max() <= 255
    return inside and rows.shape[1] >= 64 and bool((rows == np.round(rows)).all())
