"""Which numbers of Keras's layers compiled programs take as inputs, and what they compute of them.

Those with which programs compute to the last bit what they do with constants. The usual epsilon and
momentum of a normalization, which mostly nobody has chosen, stay constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from skdl._networks.keras import keras

# The scale of SELU and its limit for small values, as AlphaDropout of Keras has them.
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _is_rate(value):
    return 0 < value < 1


def _of_rate(rate):
    return {"rate_input": rate}


def _of_gaussian_dropout(rate):
    return {"stddev_input": math.sqrt(rate / (1.0 - rate))}


def _of_alpha_dropout(rate):
    limit = -SELU_ALPHA * SELU_SCALE
    factor = ((1 - rate) * (1 + rate * limit**2)) ** -0.5
    return {"rate_input": rate, "factor_input": factor, "shift_input": -factor * limit * rate}


def _itself(name):
    return lambda value: {name: value}


def _number(name, of=None, allowed=lambda value: True):
    """Return a number's name, which values can be inputs, and what is computed of them.

    What is computed has the name of the attribute that the program's own layer is given.
    """
    return name, allowed, of or _itself(name)


def _unlike(usual):
    return lambda value: value != usual


# Dropouts keep `rate` as it is, because something of the user's may read it.
_RATE = _number("rate", _of_rate, _is_rate)
_EPSILON = _number("epsilon", allowed=_unlike(1e-3))
_Layers = keras.layers
_NUMBERS: dict[Any, tuple[tuple[str, Callable, Callable], ...]] = {
    _Layers.Dropout: (_RATE,),
    _Layers.SpatialDropout1D: (_RATE,),
    _Layers.SpatialDropout2D: (_RATE,),
    _Layers.SpatialDropout3D: (_RATE,),
    _Layers.GaussianDropout: (_number("rate", _of_gaussian_dropout, _is_rate),),
    _Layers.AlphaDropout: (_number("rate", _of_alpha_dropout, _is_rate),),
    _Layers.GaussianNoise: (_number("stddev"),),
    _Layers.LeakyReLU: (_number("negative_slope", lambda slope: {"slope_input": slope}),),
    _Layers.ELU: (_number("alpha", allowed=_unlike(1)),),  # 1 is not multiplied by
    _Layers.BatchNormalization: (
        _number("momentum", allowed=lambda value: _is_rate(value) and value != 0.99),
        _EPSILON,
    ),
    _Layers.LayerNormalization: (_EPSILON,),
    _Layers.GroupNormalization: (_EPSILON,),
    _Layers.RMSNormalization: (_number("epsilon", allowed=_unlike(1e-6)),),
}
# Keras never casts the inputs of these; they compute in float32 or, from float64, in that.
_NEVER_CAST = (_Layers.LayerNormalization, _Layers.GroupNormalization)


def is_positive(value: Any) -> bool:
    """Tell whether a number is positive, and one with which Keras computes as Python does.

    With a NumPy number of less than double precision it does not.
    """
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and 0 < float(value) < math.inf


def inputs_of_layer(layer: keras.Layer) -> Iterator[tuple[str, str, float]]:
    """Yield what programs may take of a layer: the number, the input's attribute, its value.

    Only of layers of Keras that compute in float32, where numbers are rounded as Keras does it.
    """
    plain = "call" not in vars(layer) and layer.compute_dtype == "float32"
    plain = plain and (layer.autocast or isinstance(layer, _NEVER_CAST))
    for name, allowed, inputs in _NUMBERS.get(type(layer), ()) if plain else ():
        value = getattr(layer, name)
        if is_positive(value) and allowed(value):
            for attribute, computed in inputs(value).items():
                yield name, attribute, float(computed)
