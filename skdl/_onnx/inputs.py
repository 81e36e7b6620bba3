"""From the inputs of an ONNX model, the columns of X, to the inputs of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from skl2onnx.common import data_types

from skdl._networks.builders.dense import input_dtype
from skdl._onnx.calls import Value
from skdl._onnx.graph import Graph

_INTEGERS = (
    *(data_types.BooleanTensorType, data_types.Int8TensorType, data_types.Int16TensorType),
    *(data_types.Int32TensorType, data_types.Int64TensorType, data_types.UInt8TensorType),
    *(data_types.UInt16TensorType, data_types.UInt32TensorType, data_types.UInt64TensorType),
)


def computed_in(estimator: Any) -> str:
    """Return the dtype that a fitted estimator's network is converted to."""
    dtype = getattr(estimator, "dtype", "float32")
    if dtype is not None:
        return input_dtype(dtype)
    dtypes = {str(variable.dtype) for variable in estimator.model_.weights}
    return "float64" if "float64" in dtypes else "float32"


def network_inputs(graph: Graph, estimator: Any, variables: list) -> list[Value]:
    """Return the inputs of a fitted estimator's network, made from those of the converter."""
    model, columns = estimator.model_, getattr(estimator, "_columns", None)
    own = [tensor.shape[1:] for tensor in model.inputs]
    values = []
    for tensor, shape in zip(model.inputs, own, strict=True):
        given = _row_shape(variables)
        if columns is None:
            x = _cast(graph, model, variables, tensor)
        else:
            taken = columns[tensor.name]
            x = _cast(graph, model, variables, tensor, np.asarray(taken, np.int64))
            given = (len(taken),)
        if len(given) == len(shape) - 1 and hasattr(estimator, "input_shape_"):
            x = graph.expanded(x, len(shape))
        elif given != tuple(shape) and len(shape) > 1 and None not in shape:
            x = graph("Reshape", x, np.array([-1, *shape], np.int64))
        values.append(Value(x))
        if _is_whole(tensor):
            graph.integers.add(values[-1])
    return values


def _row_shape(variables):
    if len(variables) == 1:
        return tuple(variables[0].type.shape[1:])
    return (sum(variable.type.shape[1] for variable in variables),)


def _is_whole(tensor):
    return not str(tensor.dtype).startswith(("float", "bfloat"))


def _cast(graph, model, variables, tensor, columns=None):
    """Return X in the dtype of an input: int64 for integers, else that of the network."""
    from skdl._engine.custom.feeding import token_limits

    integers, exact = _is_whole(tensor), all(isinstance(v.type, _INTEGERS) for v in variables)
    if integers and not exact:  # through the floats that X has, which hold its integers
        wide = np.float64 if _any_wide(variables) else np.float32
        x = graph.joined(variables, wide)
    else:
        x = graph.joined(variables, np.int64 if integers else graph.dtype)
    if columns is not None:
        x = graph("Gather", x, columns, axis=1)
    if not integers or exact:
        return x
    return whole(graph, x) if tensor.name in token_limits(model) else graph.cast(x, np.int64)


def whole(graph: Graph, x: str) -> str:
    """Return tokens that are floats as int64; -1, which no embedding knows, for fractions."""
    is_whole = graph("Equal", x, graph("Floor", x))
    return graph("Where", is_whole, graph.cast(x, np.int64), np.array(-1, np.int64))


def _any_wide(variables):
    return not all(isinstance(v.type, data_types.FloatTensorType) for v in variables)
