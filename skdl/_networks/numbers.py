"""The numbers of a network that its compiled programs take as inputs: rates, penalties, decay.

Networks that differ in these alone share their programs, as those do that differ in the learning
rate. A number that is zero leaves out a part of the network, which is faster; so which of them are
zero decides what a program computes, and is in its key.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

from skdl._networks.code_keys import root_package
from skdl._networks.found_layers import is_convolution
from skdl._networks.keras import keras
from skdl._networks.layer_inputs import inputs_of_layer, is_positive
from skdl._networks.recipes import Recipe, key_of
from skdl._networks.variables import flat_layers, with_parts

_RATES, _BUILDER_PENALTIES = ("dropout", "conv_dropout"), ("l1", "l2")
_PENALTIES = {
    keras.regularizers.L1: ("l1",),
    keras.regularizers.L2: ("l2",),
    keras.regularizers.L1L2: ("l1", "l2"),
}
# Of what Keras's optimizers are given, that with which XLA computes to the last bit what it does
# with constants: two numbers with any of them, more with those below. With clipvalue, rho, the
# momentum of RMSprop, Adadelta, or l1 and l2 together it does not: it regroups products with
# constants.
_ALL_OPTIMIZERS = ("clipnorm", "global_clipnorm")
_EPSILON_AND_DECAY = ("epsilon", "weight_decay")
_BETAS = ("beta_1", "beta_2", *_EPSILON_AND_DECAY)
_OPTIMIZERS = {
    keras.optimizers.SGD: ("momentum", "weight_decay"),
    keras.optimizers.RMSprop: _EPSILON_AND_DECAY,
    keras.optimizers.Adagrad: _EPSILON_AND_DECAY,
    **dict.fromkeys(
        (
            keras.optimizers.Adam,
            keras.optimizers.AdamW,
            keras.optimizers.Adamax,
            keras.optimizers.Nadam,
            keras.optimizers.Lion,
        ),
        _BETAS,
    ),
}
# What stands for a number in a key.
_INPUT = ("an input",)


class Number:
    """A positive number in a network, and how another is put in its place."""

    def __init__(self, holder: Any, name: str, value: float, put: Callable[[Any], Any]):
        self.holder, self.name, self.value, self.put = holder, name, value, put

    @property
    def in_outputs(self) -> bool:
        """Whether it counts for a network's outputs, not in training alone."""
        return isinstance(self.holder, keras.Layer) and self.name not in ("rate", "stddev")


def layer_numbers(model: keras.Model, kinds: Any = keras.Layer) -> list[Number]:
    """Return the numbers of layers of some kinds, and penalties of weights, in their order."""
    parts = [part for layer in flat_layers(model) for part in with_parts(layer)]
    # By the graph of a network of images, a slope that is an input takes a tenth longer.
    slow = keras.layers.LeakyReLU if any(map(is_convolution, parts)) else ()
    found = [
        Number(part, name, value, _setter(part, attribute))
        for part in parts
        if isinstance(part, kinds) and not isinstance(part, slow)
        for name, attribute, value in inputs_of_layer(part)
    ]
    # What is applied to outputs as well is a part of a layer.
    seen = {id(getattr(part, "activity_regularizer", None)) for part in parts}
    for variable in model.variables:
        regularizer = variable.regularizer
        if id(regularizer) not in seen:
            seen.add(id(regularizer))
            found += _penalties(model, regularizer)
    return found


def _penalties(model, regularizer):
    """Return the numbers of a regulariser, which may belong to other networks, so it is copied."""
    own: list[Any] = []

    def put(name, value):
        if not own:
            own.append(copy.copy(regularizer))
            for variable in model.variables:
                if variable.regularizer is regularizer:
                    variable.regularizer = own[0]
        setattr(own[0], name, value)

    values = {n: getattr(regularizer, n) for n in _PENALTIES.get(type(regularizer), ())}
    found = [
        Number(regularizer, name, float(value), lambda new, name=name: put(name, new))
        for name, value in values.items()
        if is_positive(value)
    ]
    return found if len(found) == 1 else []


def builder_numbers(model: keras.Model) -> list[Number]:
    """Return the numbers of a network of one of our builders that its arguments decide."""
    return layer_numbers(model, keras.layers.Dropout)


def builder_key(arguments: dict[str, Any]) -> Hashable:
    """Return the key of the arguments of one of our builders, numbers left out."""
    patterns = dict(arguments)
    if arguments.get("dtype") == "float32":
        patterns |= {n: _pattern(arguments[n], 1.0) for n in _RATES if n in arguments}
    penalties = {n: _pattern(arguments[n], math.inf) for n in _BUILDER_PENALTIES if n in arguments}
    if list(penalties.values()).count(_INPUT) == 1:
        patterns |= penalties
    return key_of(patterns)


def builder_numbers_key(arguments: dict[str, Any]) -> Hashable:
    """Return the key of the numbers that `builder_key` leaves out."""
    names = _RATES + _BUILDER_PENALTIES
    return key_of({name: arguments[name] for name in names if name in arguments})


def _pattern(value, below):
    if isinstance(value, tuple):
        return tuple(_pattern(each, below) for each in value)
    return _INPUT if is_positive(value) and value < below else value


class CompiledNumbers:
    """The numbers of an optimizer and a loss, by their recipes.

    Parameters
    ----------
    optimizer, loss : Recipe or Any
        What others than recipes and Keras's own classes hold is a part of the key.
    dtype : str
        Of the weights: only where it is float32 are numbers rounded as Keras rounds them.
    """

    def __init__(self, optimizer: Any, loss: Any, dtype: str):
        self._parts = {"optimizer": optimizer, "loss": loss}
        names: dict[str, tuple[str, ...]] = {"optimizer": (), "loss": ()}
        if dtype == "float32":
            if _is_of_keras(optimizer):
                names["optimizer"] = _ALL_OPTIMIZERS + _OPTIMIZERS.get(optimizer.cls, ())
            if _is_of_keras(loss):
                names["loss"] = ("label_smoothing", "delta")
        self._found = {
            kind: {n: part.config[n] for n in names[kind] if is_positive(part.config.get(n))}
            for kind, part in self._parts.items()
            if names[kind]
        }

    @property
    def key(self) -> Hashable:
        """Equal for an optimizer and a loss that act alike but for their numbers."""
        return tuple(
            key_of(replace(part, config=part.config | dict.fromkeys(self._found[kind], _INPUT)))
            if self._found.get(kind)
            else key_of(part)
            for kind, part in self._parts.items()
        )

    @property
    def values(self) -> list[float]:
        """The numbers."""
        return [float(value) for kind in self._found.values() for value in kind.values()]

    def of(self, model: keras.Model) -> list[Number]:
        """Return the numbers of a model that was compiled by these recipes."""
        optimizer, found = model.optimizer, []
        for name, value in self._found.get("optimizer", {}).items():
            assert getattr(optimizer, name) == value, name
            found.append(Number(optimizer, name, value, _setter(optimizer, name)))
        for name, value in self._found.get("loss", {}).items():
            keywords = model.loss._fn_kwargs
            assert keywords[name] == value, name
            found.append(Number(model.loss, name, value, _item_setter(keywords, name)))
        return found


def _is_of_keras(recipe):
    return isinstance(recipe, Recipe) and root_package(recipe.cls) == "keras"


def _setter(holder, name):
    return lambda new: setattr(holder, name, new)


def _item_setter(holder, name):
    return lambda new: holder.__setitem__(name, new)
