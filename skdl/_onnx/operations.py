"""Operations of `keras.ops` as ONNX nodes: those that functional networks hold between layers.

Networks with masks hold some as well, by which Keras makes one mask of others.
"""

from __future__ import annotations

import numpy as np

from skdl._onnx.activations import ACTIVATIONS
from skdl._onnx.calls import Value
from skdl._onnx.network import converts
from skdl._onnx.normalizations import unit_length

_BINARY = {
    "Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "TrueDivide": "Div",
    "Maximum": "Max", "Minimum": "Min", "Power": "Pow", "Matmul": "MatMul",
    "Equal": "Equal", "Greater": "Greater", "GreaterEqual": "GreaterOrEqual",
    "Less": "Less", "LessEqual": "LessOrEqual", "LogicalAnd": "And", "LogicalOr": "Or",
}  # fmt: skip
_UNARY = {
    "Absolute": "Abs", "Exp": "Exp", "Log": "Log", "LogicalNot": "Not", "Negative": "Neg",
    "Sqrt": "Sqrt",
}  # fmt: skip
_REDUCING = {"Mean": "ReduceMean", "Sum": "ReduceSum", "Max": "ReduceMax", "Min": "ReduceMin"}
_ACTIVATIONS = ("Elu", "Gelu", "LeakyRelu", "LogSoftmax", "Relu", "Relu6", "Selu", "Sigmoid",
                "Silu", "Softmax", "Softplus", "Tanh")  # fmt: skip
_SNAKE = {"LeakyRelu": "leaky_relu", "LogSoftmax": "log_softmax"}
_LAST = np.iinfo(np.int64).max


def _prefixed(*names):
    return [f"ops.{name}" for name in names]


@converts(*_prefixed(*_BINARY))
def _binary(graph, operation, x1, x2):
    return graph(_BINARY[type(operation).__name__], *_alike(graph, x1, x2))


@converts("ops.NotEqual")
def _not_equal(graph, operation, x1, x2):
    return graph("Not", graph("Equal", *_alike(graph, x1, x2)))


def _alike(graph, *operands):
    """Return operands of one type: whole numbers where all are."""
    values = [x for x in operands if isinstance(x, Value)]
    whole = [x in graph.integers for x in values]
    numbers = [np.asarray(x) for x in operands if not isinstance(x, Value)]
    if all(whole) and all(number.dtype.kind in "iub" for number in numbers):
        return [x if isinstance(x, Value) else np.asarray(x, np.int64) for x in operands]
    return [
        (graph.cast(x, graph.dtype) if x in graph.integers else x)
        if isinstance(x, Value)
        else np.asarray(x, graph.dtype)
        for x in operands
    ]


@converts(*_prefixed(*_UNARY))
def _unary(graph, operation, x):
    return graph(_UNARY[type(operation).__name__], x)


@converts("ops.ConvertToTensor")
def _as_it_is(graph, operation, x):
    return x


@converts("ops.Square")
def _square(graph, operation, x):
    return graph("Mul", x, x)


@converts(*_prefixed(*_ACTIVATIONS))
def _activation(graph, operation, x):
    name = type(operation).__name__
    known = ("alpha", "approximate", "axis", "negative_slope")
    given = {each: getattr(operation, each) for each in known if hasattr(operation, each)}
    return ACTIVATIONS[_SNAKE.get(name, name.lower())](graph, x, **given)


@converts(*_prefixed(*_REDUCING))
def _reduced(graph, operation, x):
    if getattr(operation, "initial", None) is not None:
        raise ValueError(f"to_onnx cannot convert {operation.name!r} with an initial value.")
    return graph.reduced(
        _REDUCING[type(operation).__name__], x, _axes(graph, operation, x), operation.keepdims
    )


def _axes(graph, operation, x):
    return range(len(graph.shapes[x])) if operation.axis is None else operation.axis


@converts("ops.Cumsum")
def _cumsum(graph, operation, x):
    if operation.axis is None or operation.dtype is not None:
        raise ValueError(
            f"to_onnx cannot convert {operation.name!r} without an axis, or with a dtype."
        )
    return graph("CumSum", x, np.array(operation.axis, np.int64))


@converts("ops.Einsum")
def _einsum(graph, operation, operands):
    operands = _alike(graph, *operands)
    return graph("Einsum", *operands, equation=operation.subscripts)


@converts("ops.Normalize")
def _normalize(graph, operation, x):
    if operation.order != 2 or operation.epsilon is not None:
        raise ValueError(
            f"to_onnx cannot convert {operation.name!r} with an order or epsilon of its own."
        )
    return unit_length(graph, x, operation.axis)


@converts("ops.Any")
def _any(graph, operation, x):
    numbers = graph.cast(x, np.int64)
    axes = _axes(graph, operation, x)
    return graph.cast(graph.reduced("ReduceMax", numbers, axes, operation.keepdims), np.bool_)


@converts("ops.ZerosLike", "ops.OnesLike")
def _like(graph, operation, x):
    number = int(type(operation).__name__ == "OnesLike")
    filled = graph("Expand", np.array(number), graph("Shape", x))
    dtype = str(operation.dtype or "")
    if dtype == "bool":
        return graph.cast(filled, np.bool_)
    whole = x in graph.integers if not dtype else not dtype.startswith(("float", "bfloat"))
    return filled if whole else graph.cast(filled, graph.dtype)


@converts("ops.Cast")
def _cast(graph, operation, x):
    if operation.dtype == "bool":
        return graph.cast(x, np.bool_)
    whole = not operation.dtype.startswith(("float", "bfloat"))
    return graph.cast(x, np.int64 if whole else graph.dtype)


@converts("ops.Where")
def _where(graph, operation, condition, x1, x2):
    return graph("Where", graph.cast(condition, np.bool_), *_alike(graph, x1, x2))


@converts("ops.ExpandDims")
def _expand_dims(graph, operation, x):
    return graph.expanded(x, *np.atleast_1d(operation.axis).tolist())


@converts("ops.Squeeze")
def _squeeze(graph, operation, x):
    if operation.axis is None:
        raise ValueError(f"to_onnx cannot convert {operation.name!r} without an axis.")
    return graph("Squeeze", x, np.atleast_1d(np.array(operation.axis, np.int64)))


@converts("ops.Reshape")
def _reshape(graph, operation, x):
    return graph.reshaped(x, *operation.newshape)


@converts("ops.Transpose")
def _transpose(graph, operation, x):
    axes = operation.axes
    return graph("Transpose", x, perm=[*(axes or reversed(range(len(graph.shapes[x]))))])


@converts("ops.Concatenate")
def _concatenate(graph, operation, xs):
    return graph("Concat", *xs, axis=operation.axis)


@converts("ops.Stack")
def _stack(graph, operation, xs):
    axis = operation.axis % (len(graph.shapes[xs[0]]) + 1)
    return graph("Concat", *(graph.expanded(x, axis) for x in xs), axis=axis)


@converts("ops.Flip")
def _flip(graph, operation, x):
    axes = np.atleast_1d(np.array(_axes(graph, operation, x), np.int64))
    backwards = np.full_like(axes, -1)
    return graph("Slice", x, backwards, np.full_like(axes, -_LAST), axes, backwards)


@converts("ops.GetItem")
def _get_item(graph, operation, x, key):
    """Take parts along axes, by numbers, slices, `None` and `...` as NumPy does."""
    keys = list(key) if isinstance(key, tuple | list) else [key]
    if any(not isinstance(k, int | slice | type(None) | type(Ellipsis)) for k in keys):
        raise ValueError(
            f"to_onnx cannot convert {operation.name!r}: it takes parts of values by numbers and "
            f"slices, received {key!r}."
        )
    n_taken = sum(isinstance(k, int | slice) for k in keys)
    rest = [slice(None)] * (len(graph.shapes[x]) - n_taken)
    where = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    keys = [*keys[:where], *rest, *keys[where + 1 :]]
    parts = [k for k in keys if k is not None]
    axes = [axis for axis, k in enumerate(parts) if k != slice(None)]
    if axes:
        limits = np.array([_limits(parts[axis]) for axis in axes], np.int64)
        begin, end, step = limits.T
        x = graph("Slice", x, begin, end, np.array(axes, np.int64), step)
    single = [axis for axis, k in enumerate(parts) if isinstance(k, int)]
    if single:
        x = graph("Squeeze", x, np.array(single, np.int64))
    left = [k for k in keys if not isinstance(k, int)]
    new = [i for i, k in enumerate(left) if k is None]
    return graph.expanded(x, *new) if new else x


def _limits(key):
    if isinstance(key, int):
        return key, key + 1 if key != -1 else _LAST, 1
    step = key.step or 1
    begin, end = (0, _LAST) if step > 0 else (_LAST, -_LAST)
    return begin if key.start is None else key.start, end if key.stop is None else key.stop, step
