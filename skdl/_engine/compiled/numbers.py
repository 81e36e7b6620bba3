"""Numbers of a network as inputs of its programs, in place of constants."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from skdl._networks.keras import keras
from skdl._networks.numbers import Number

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


def numbers_as_inputs(numbers: list[Number]) -> keras.Variable:
    """Put elements of a variable in the place of numbers of a network, and return the variable."""
    variable = keras.Variable(
        np.array([number.value for number in numbers]), dtype="float64", trainable=False
    )

    def element(position):
        return lambda: tf.convert_to_tensor(variable.value)[position]

    for position, number in enumerate(numbers):
        number.put(NumberAsInput(element(position)))
    return variable


def _with_number(function: Callable) -> Callable:
    """Return a method that computes with a number as Python does, in double precision."""

    def compute(self: NumberAsInput, other: Any) -> Any:
        if isinstance(other, NumberAsInput):
            return NumberAsInput(lambda: function(self.value(), other.value()))
        if isinstance(other, int | float):
            return NumberAsInput(lambda: function(self.value(), tf.constant(other, tf.float64)))
        return function(tf.convert_to_tensor(self, other.dtype), other)

    return compute


def _swapped(function: Callable) -> Callable:
    return _with_number(lambda one, other: function(other, one))


class NumberAsInput:
    """A positive number that is known when a program runs.

    Keras treats it as the Python number in whose place it stands: it asks whether that is positive,
    computes with it, and makes it a tensor at last.
    """

    def __init__(self, value: Callable[[], tf.Tensor]):
        self.value = value

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        return tf.cast(self.value(), dtype or tf.float32)

    def __gt__(self, other: float) -> bool:
        if other != 0:
            raise TypeError(f"a number that is an input cannot be compared with {other!r}")
        return True

    def __neg__(self) -> NumberAsInput:
        return NumberAsInput(lambda: -self.value())

    __add__, __radd__ = _with_number(operator.add), _swapped(operator.add)
    __sub__, __rsub__ = _with_number(operator.sub), _swapped(operator.sub)
    __mul__, __rmul__ = _with_number(operator.mul), _swapped(operator.mul)
    __truediv__, __rtruediv__ = _with_number(operator.truediv), _swapped(operator.truediv)
