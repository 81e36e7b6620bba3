"""What to give instead of values that parameters do not take."""

from __future__ import annotations

import ast
from numbers import Integral, Real
from typing import Any

_POLICIES = ("float64", "float32", "bfloat16")
_COUNTS = {"epochs", "batch_size", "patience", "hidden_layer_sizes", "max_words", "filters"}


def remedy_of(name: str, value: Any) -> str:
    """Return what to do where a parameter does not take a value, "" if nothing more is known."""
    if name == "image_shape" and isinstance(value, Integral):
        return f"Give height and width: image_shape=({value}, {value})."
    if name == "rescale" and value is True:
        return "rescale='auto' divides by the largest value that the pixels can have."
    if isinstance(value, str) and _is_written_number(value):
        return f"Give numbers, not a text: {name}={ast.literal_eval(value)!r}."
    if name == "validation_split" and isinstance(value, int | float) and value >= 1:
        return "Give the share of the rows that are held out, such as validation_split=0.2."
    if name in _COUNTS and isinstance(value, float) and value.is_integer():
        return f"Give an int: {name}={int(value)}."
    if name == "learning_rate" and hasattr(value, "get_config"):
        return (
            "A schedule is given to the optimizer, for example optimizer=keras.optimizers.Adam("
            "schedule), with learning_rate=None."
        )
    if name == "early_stopping" and hasattr(value, "on_epoch_end"):
        return "Set early_stopping=True and patience, or give the object to callbacks."
    if name == "callbacks" and callable(value):
        return "A function is called by keras.callbacks.LambdaCallback(on_epoch_end=...)."
    if name == "class_weight" and isinstance(value, list | tuple):
        return "Give the weight of each class by its label: class_weight={label: weight, ...}."
    if name == "dtype":
        called = getattr(value, "__name__", None) or getattr(value, "name", None)
        if called in _POLICIES:
            return f"Give its name: dtype={called!r}."
        if value in ("float16", "mixed_float16"):
            return f"Use dtype={str(value).replace('float16', 'bfloat16')!r}."
    if name == "model" and isinstance(value, list | tuple):
        return "Let a function make keras.Sequential of new layers, and give the function."
    if name == "inputs" and isinstance(value, list | tuple):
        return (
            "Name the columns of each keras.Input by its name: inputs={'first': [0, 1], "
            "'second': [2]}."
        )
    if name == "augmentation":
        return (
            "Give the ranges by their names, such as augmentation={'flip': 'horizontal', "
            "'rotation': 0.1}; layers of Keras are for networks of your own, in KerasClassifier."
        )
    return ""


def _is_written_number(text):
    """Tell whether a text is a number, or several in a row, as Python writes them."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return all(isinstance(each, Real) for each in (value if isinstance(value, tuple) else [value]))
