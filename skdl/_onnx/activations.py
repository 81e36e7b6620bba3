"""Keras's activation functions in ONNX operators.

Each is written in operators that ONNX Runtime has for float32 and float64, under the name and
with the arguments and defaults that it has in `keras.activations`. Those that are missing, `glu`
and `sparsemax`, are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import pi, sqrt
from typing import Any

from skdl._networks.keras import keras
from skdl._onnx.graph import Graph


def activate(graph: Graph, function: Any, x: str) -> str:
    """Return an activation function of a value; arguments bound by `partial` count."""
    bound = {}
    if isinstance(function, partial) and not function.args:
        function, bound = function.func, function.keywords
    name = getattr(function, "__name__", "")
    convert = ACTIVATIONS.get(name)
    if convert is None or function is not getattr(keras.activations, name, None):
        raise ValueError(
            f"to_onnx cannot convert the activation {name or function!r} of layer "
            f"{graph.layer.name!r}: ONNX takes no Python functions. Fit with one of "
            f"{', '.join(sorted(ACTIVATIONS))}."
        )
    return convert(graph, x, **bound)


def clip(g: Graph, x: str, low: float, high: float) -> str:
    """Return values cut to a range."""
    return g("Min", g("Max", x, low), high)


def relu(
    g: Graph, x: str, negative_slope: float = 0.0, max_value: float | None = None, threshold=0.0
) -> str:
    """Return the rectified values, in the general form of `keras.activations.relu`."""
    above = g("Relu", x)
    if threshold:
        above = g("Where", g("Greater", x, threshold), x, 0.0)
    if max_value is not None:
        above = clip(g, above, 0.0, max_value)
    if not negative_slope:
        return above
    below = g("Min", g("Sub", x, threshold), 0.0)
    return g("Add", above, g("Mul", below, negative_slope))


def _celu(g, x, alpha=1.0):
    return g("Mul", g("Elu", g("Div", x, alpha)), alpha)


def _gelu(g, x, approximate=False):
    if approximate:
        inner = g("Mul", g("Mul", g("Mul", x, x), x), 0.044715)
        bell = g("Tanh", g("Mul", g("Add", x, inner), sqrt(2 / pi)))
    else:
        bell = g("Erf", g("Mul", x, sqrt(0.5)))
    return g("Mul", g("Mul", x, 0.5), g("Add", bell, 1.0))


def _hard_sigmoid(g, x):
    return g("Div", clip(g, g("Add", x, 3.0), 0.0, 6.0), 6.0)


def _sparse_plus(g, x):
    raised = g("Add", x, 1.0)
    curve = g("Mul", g("Mul", raised, raised), 0.25)
    inner = g("Where", g("Less", x, 1.0), curve, x)
    return g("Where", g("Greater", x, -1.0), inner, 0.0)


def _squareplus(g, x, b=4):
    return g("Div", g("Add", x, g("Sqrt", g("Add", g("Mul", x, x), b))), 2.0)


ACTIVATIONS: dict[str, Callable[..., str]] = {
    "celu": _celu,
    "elu": lambda g, x, alpha=1.0: g("Elu", x, alpha=alpha),
    "exponential": lambda g, x: g("Exp", x),
    "gelu": _gelu,
    "hard_shrink": lambda g, x, threshold=0.5: g(
        "Where", g("Greater", g("Abs", x), threshold), x, 0.0
    ),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda g, x: g("Mul", x, _hard_sigmoid(g, x)),
    "hard_tanh": lambda g, x: clip(g, x, -1.0, 1.0),
    "leaky_relu": lambda g, x, negative_slope=0.2: g("LeakyRelu", x, alpha=negative_slope),
    "linear": lambda g, x: x,
    "log_sigmoid": lambda g, x: g("Neg", g("Softplus", g("Neg", x))),
    "log_softmax": lambda g, x, axis=-1: g("LogSoftmax", x, axis=axis),
    "mish": lambda g, x: g("Mul", x, g("Tanh", g("Softplus", x))),
    "relu": relu,
    "relu6": lambda g, x: relu(g, x, max_value=6.0),
    "selu": lambda g, x: g("Selu", x),
    "sigmoid": lambda g, x: g("Sigmoid", x),
    "silu": lambda g, x: g("Mul", x, g("Sigmoid", x)),
    "soft_shrink": lambda g, x, threshold=0.5: g("Sub", x, clip(g, x, -threshold, threshold)),
    "softmax": lambda g, x, axis=-1: g("Softmax", x, axis=axis),
    "softplus": lambda g, x: g("Softplus", x),
    "softsign": lambda g, x: g("Softsign", x),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda g, x: clip(g, g("Mul", g("Add", x, 1.0), 0.5), 0.0, 1.0),
    "squareplus": _squareplus,
    "tanh": lambda g, x: g("Tanh", x),
    "tanh_shrink": lambda g, x: g("Sub", x, g("Tanh", x)),
    "threshold": lambda g, x, threshold, default_value: g(
        "Where", g("Greater", x, threshold), x, default_value
    ),
}
