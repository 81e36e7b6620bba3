"""Building the networks of users' own functions: seeded, each with variables of its own."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from skdl._common.processes import check_process, lock
from skdl._engine.custom.feeding import inputs_of, zeros_like_inputs
from skdl._engine.custom.randomness import SeededGenerators
from skdl._engine.custom.structure import Structure
from skdl._networks.custom.builder_calls import copied, name_of
from skdl._networks.custom.layer_parts import made_of, parts_of
from skdl._networks.keras import keras
from skdl._networks.precision import check_bfloat16
from skdl._networks.stand_ins import copiable

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from keras.src.utils import naming  # isort: skip

# Variables of networks that were made here, by their ids: none may come a second time.
_made: weakref.WeakValueDictionary[int, keras.Variable] = weakref.WeakValueDictionary()


_STATEFUL = (
    "model={} is stateful: it would carry what it saw from one batch to the next, whose rows have "
    "nothing to do with those. Leave out stateful=True."
)


def _number(value: Any) -> None:
    """Give layers among the arguments, if Keras has numbered them, the first numbers.

    Each network numbers its layers from the start. The number that a layer got elsewhere could be
    that of another one, and it is no part of the network.
    """
    if isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            _number(each)
    elif isinstance(value, keras.Layer):
        prefix = naming.to_snake_case(type(value).__name__)
        if re.fullmatch(rf"{re.escape(prefix)}(_\d+)?", value.name):
            value.name = naming.auto_name(prefix)


@dataclass(frozen=True)
class Builder:
    """A user's function with its arguments, or a network of the user's.

    Parameters
    ----------
    model : callable or keras.Model
        What makes the network, or the network to copy.
    arguments : dict
        Keyword arguments of a function.
    inputs : tuple of (str or None, tuple, str)
        Name, shape of a row and dtype of each input that the data have; one without a name is
        the only one.
    dtype : str, default=None
        Policy under which the network is built; None for the user's own.
    """

    model: Any
    arguments: dict[str, Any] = field(default_factory=dict)
    inputs: tuple = ()
    dtype: str | None = None

    def __reduce__(self) -> tuple:
        """Have Keras objects pickled as class and state, which Keras would look up by name."""
        return Builder, (copiable(self.model), copiable(self.arguments), self.inputs, self.dtype)

    @property
    def name(self) -> str:
        """Of the function, for error messages."""
        return name_of(self.model)

    def __call__(self, seed: int) -> keras.Model:
        """Return a new network, built, its weights drawn by generators seeded with `seed`."""
        check_process()
        if not callable(self.model) or (
            isinstance(self.model, keras.Layer) and not isinstance(self.model, keras.Model)
        ):
            raise TypeError(
                "model must be a function that returns a keras.Model, or a keras.Model, received "
                f"an object of type {self.name}."
            )
        with lock, _Policy(self.dtype), _known_types(), SeededGenerators(seed) as generators:
            if isinstance(self.model, keras.Model):
                return self._checked(copy_of(self.model, self.inputs, self.dtype))
            model, created = self._called(seed)
            if generators.drew_by_tensorflow():
                generators.seed()
                model, created = self._called(seed)
            if any(_made.get(id(v)) is v for v in model.variables):
                raise ValueError(
                    f"model={self.name} returned a network or layers that it had returned before. "
                    "Build new ones at each call, so that no fit continues from another."
                )
            if any(id(variable.value) not in created for variable in model.variables):
                model = copy_of(model, self.inputs, None)  # of layers from outside the function
            return self._checked(model)

    def _called(self, seed):
        """Return what the function returns, built, and the ids of all variables made meanwhile."""
        arguments = {name: copied(value) for name, value in self.arguments.items()}
        _number(arguments)
        if "seed" in arguments:
            arguments["seed"] = seed
        created = []

        def record(create: Callable, **kwargs: Any) -> Any:
            created.append(create(**kwargs))
            return created[-1]

        with tf.variable_creator_scope(record):
            try:
                model = self.model(**arguments)
            except Exception as error:
                self._check_inputs(error, arguments.get("input_shape"))
                if "stateful=True" in str(error):  # which asks for a fixed batch size
                    raise ValueError(f"A layer of {_STATEFUL.format(self.name)}") from error
                error.add_note(self._circumstances(arguments))
                raise
            self._check_is_model(model)
            _build(model, self.inputs, self.name)
        return model, {id(variable) for variable in created}

    def _check_inputs(self, error, input_shape):
        """Raise a ValueError where the function asked for an input that has no columns."""
        if not isinstance(error, KeyError) or not isinstance(input_shape, dict):
            return
        asked = error.args[0] if error.args else None
        if isinstance(asked, str) and asked not in input_shape:
            raise ValueError(
                f"model={self.name} asks for {asked!r}, but inputs names {sorted(input_shape)}, "
                f"which are the keys of input_shape. Use the same names, for example inputs="
                f"{{{asked!r}: [...]}}."
            ) from error

    def _circumstances(self, arguments):
        """Return what helps to understand an error that the function raised."""
        shape = ""
        if "input_shape" in arguments:
            shape = f"; input_shape={self.arguments['input_shape']!r}"
            if self.inputs[0][0] is None:
                shape += " of one row (a dict by the names of inputs, where inputs is given)"
        return (
            f"Raised by model={self.name}, the function that was to build a network, called with "
            f"{sorted(arguments)}{shape}."
        )

    def _check_is_model(self, model):
        if not isinstance(model, keras.Model):
            what = "None" if model is None else f"an object of type {type(model).__name__}"
            raise TypeError(
                f"model={self.name} must return a keras.Model, received {what}. End the function "
                "with `return model`."
            )

    def _checked(self, model):
        for variable in model.variables:
            _made[id(variable)] = variable
        for layer in model._flatten_layers():
            if getattr(layer, "stateful", False):
                raise ValueError(f"The layer {layer.name!r} of {_STATEFUL.format(self.name)}")
        for tensor in inputs_of(model) or ():
            if tensor.shape[0] is not None:
                raise ValueError(
                    f"The input {tensor.name!r} of model={self.name} has the fixed batch size "
                    f"{tensor.shape[0]}. Leave batch_size out of keras.Input: the last batch of "
                    "an epoch is smaller."
                )
        return model


@contextmanager
def _known_types():
    """Say what to do where TensorFlow lacks an operation for bfloat16."""
    try:
        yield
    except Exception as error:  # TensorFlow's own, or one of `_build` that quotes it
        check_bfloat16(error)
        raise


class _Policy:
    """Sets Keras's global dtype policy, and its float type where that is float64, for a while."""

    def __init__(self, dtype: str | None):
        self._dtype = dtype

    def __enter__(self) -> None:
        self._before = keras.config.dtype_policy(), keras.config.floatx()
        if self._dtype is not None:
            keras.config.set_dtype_policy(self._dtype)
            if self._dtype == "float64":  # in which inputs come, then
                keras.config.set_floatx("float64")

    def __exit__(self, *_: Any) -> None:
        if self._dtype is not None:
            policy, floatx = self._before
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)


def _build(model, inputs, name):
    """Build a network that leaves its variables to the first call, for rows of these shapes."""
    if model.built and inputs_of(model) is not None:
        return
    try:
        if isinstance(model, keras.Sequential) and not model.built and inputs[0][0] is None:
            model.build((None, *inputs[0][1]))  # called on rows, it would keep their number
        if not model.built or inputs_of(model) is None:
            model(zeros_like_inputs(inputs, 2), training=False)
    except Exception as error:
        shapes = ", ".join(f"{(None, *shape)}" for _, shape, _ in inputs)
        hint = ""
        if "ndim=" in str(error) and len(inputs) == 1:  # such as a convolution on a table
            hint = (
                " Rows of X must have the axes that the first layer takes: X[..., None] has one "
                "more, of length 1, and X.reshape(len(X), -1) only one."
            )
        raise ValueError(
            f"The network of model={name} cannot be built for rows of X, of shape {shapes}: {error}"
            f"{hint}"
        ) from error


def copy_of(model: keras.Model, inputs: tuple, dtype: str | None) -> keras.Model:
    """Return a copy of a network with variables of its own, of the same values.

    A network that is not built yet, such as a `Sequential` without an input, has no values; the
    copy is built for the inputs.

    Raises
    ------
    ValueError
        If Keras cannot make it from its configuration.
    """
    cls, config, own, _, values, trainable, _ = parts_of(model)
    known = values if model.built or values else None
    if dtype is not None:
        config = _with_policy(config, dtype)
    new = made_of(cls, config, own, lambda new: _build(new, inputs, model.name), known, trainable)
    if dtype is None and known is not None:
        _check_same(model, new)
    if getattr(model, "compiled", False):
        new._compile_config = model._compile_config
        new.optimizer, new.compiled = model.optimizer, True
    return new


def _check_same(model, new):
    """Raise a ValueError if a configuration has left something out, as far as can be told."""
    one, other = (Structure(each, each.variables) for each in (model, new))
    if one.is_shared and other.is_shared and one.exact_key != other.exact_key:
        raise ValueError(
            f"The network {model.name!r} cannot be copied, as each fit has one of its own: what "
            "its configuration gives computes something else. Let get_config of its layers "
            "return every argument of their constructors, or pass the function that builds it."
        )


def _with_policy(config, dtype):
    """Return a configuration with the policy of every layer replaced."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": dtype}}
        return {name: _with_policy(value, dtype) for name, value in config.items()}
    return [_with_policy(v, dtype) for v in config] if isinstance(config, list) else config
