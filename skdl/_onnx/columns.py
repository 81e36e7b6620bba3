"""Transformers of columns as ONNX nodes: scaling, functions, imputing, and what undoes them.

They take the place of skl2onnx's own where those leave float64 out or round otherwise than
scikit-learn, which shows in columns that are far from zero.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from skdl._onnx.activations import clip
from skdl._onnx.graph import Graph
from skdl._onnx.tensor_types import numbers_in, tensor_type


def _standard(graph, scaler, x):
    if scaler.with_mean:
        x = graph("Sub", x, scaler.mean_)
    return graph("Div", x, scaler.scale_) if scaler.with_std else x


def _robust(graph, scaler, x):
    if scaler.with_centering:
        x = graph.rounded("Sub", x, scaler.center_)
    return graph.rounded("Div", x, scaler.scale_) if scaler.with_scaling else x


def _min_max(graph, scaler, x):
    x = graph.rounded("Add", graph.rounded("Mul", x, scaler.scale_), scaler.min_)
    return clip(graph, x, *scaler.feature_range) if scaler.clip else x


def _max_abs(graph, scaler, x):
    x = graph.rounded("Div", x, scaler.scale_)
    return clip(graph, x, -1.0, 1.0) if scaler.clip else x


def _function(graph, transformer, x):
    return _apply(graph, transformer, "func", x)


# What FunctionTransformer and TransformedTargetRegressor are commonly given.
_FUNCTIONS: dict[Callable, Callable] = {
    np.abs: lambda g, x: g("Abs", x),
    np.exp: lambda g, x: g("Exp", x),
    np.expm1: lambda g, x: g("Sub", g("Exp", x), 1.0),
    np.log: lambda g, x: g("Log", x),
    np.log1p: lambda g, x: g("Log", g("Add", x, 1.0)),
    np.sqrt: lambda g, x: g("Sqrt", x),
    np.square: lambda g, x: g("Mul", x, x),
}


def _apply(graph, transformer, which, x):
    function = getattr(transformer, which)
    if function is None:
        return x
    keywords = transformer.kw_args if which == "func" else transformer.inv_kw_args
    if function not in _FUNCTIONS or keywords:
        known = ", ".join(sorted(f"numpy.{known.__name__}" for known in _FUNCTIONS))
        raise ValueError(
            f"to_onnx cannot convert FunctionTransformer({which}={function!r}): ONNX takes no "
            f"Python functions. It converts {known}, without further arguments."
        )
    return _FUNCTIONS[function](graph, x)


INVERSES = {
    StandardScaler: lambda g, s, x: _affine(g, x, s.scale_, s.mean_ if s.with_mean else None),
    RobustScaler: lambda g, s, x: _affine(g, x, s.scale_, s.center_),
    MaxAbsScaler: lambda g, s, x: _affine(g, x, s.scale_, None),
    MinMaxScaler: lambda g, s, x: g("Div", g("Sub", x, s.min_), s.scale_),
    FunctionTransformer: lambda g, s, x: _apply(g, s, "inverse_func", x),
}


def _affine(graph, x, scale, offset):
    x = x if scale is None else graph("Mul", x, scale)
    return x if offset is None else graph("Add", x, offset)


def _imputed(graph, imputer, x):
    """Fill in missing values; columns that had no others in fit are left out."""
    if imputer.add_indicator:
        raise ValueError(
            "to_onnx cannot convert SimpleImputer(add_indicator=True). Put a MissingIndicator "
            "beside the imputer, in a FeatureUnion, or leave the indicator out."
        )
    missing, kept = imputer.missing_values, _kept(imputer)
    if len(kept) < imputer.n_features_in_:
        x = graph("Gather", x, kept, axis=1)
    values = imputer.statistics_[kept]
    if graph.dtype.kind == "U":  # ONNX's strings are never missing: the empty one stands for it
        missing = missing if isinstance(missing, str) else ""
        where = graph(
            *("LabelEncoder", x),
            **{"keys_strings": [missing], "values_int64s": [1], "default_int64": 0},
            domain="ai.onnx.ml",
        )
        where, values = graph.cast(where, np.bool_), values.astype(str)
    else:
        is_nan = missing is None or missing != missing
        where = graph("IsNaN", x) if is_nan else graph("Equal", x, float(missing))
        values = values.astype(np.float64)
    return graph("Where", where, values, x)


def _kept(imputer):
    empty = [value is None or value != value for value in imputer.statistics_]
    return np.flatnonzero(~np.array(empty) | imputer.keep_empty_features)


def _columns(convert):
    """Return skl2onnx's two functions for a transformer of columns."""

    def calculate_shapes(operator):
        transformer = operator.raw_operator
        width = sum(variable.type.shape[1] for variable in operator.inputs)
        if isinstance(transformer, SimpleImputer):
            width = len(_kept(transformer))
        operator.outputs[0].type = tensor_type(numbers_in(operator), [None, width])

    def convert_columns(scope, operator, container):
        graph = Graph(scope, container, numbers_in(operator))
        x = graph.joined(operator.inputs)
        graph.give(convert(graph, operator.raw_operator, x), operator.outputs[0])

    return calculate_shapes, convert_columns


_COLUMNS = {
    StandardScaler: _columns(_standard),
    RobustScaler: _columns(_robust),
    MinMaxScaler: _columns(_min_max),
    MaxAbsScaler: _columns(_max_abs),
    SimpleImputer: _columns(_imputed),
    FunctionTransformer: _columns(_function),
}
# For `skl2onnx.convert_sklearn`, so that its own converters stay as they are for others.
SHAPE_CALCULATORS = {cls: functions[0] for cls, functions in _COLUMNS.items()}
CONVERTERS = {cls: functions[1] for cls, functions in _COLUMNS.items()}
