"""A layer or a whole network taken apart, and made again of the parts."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from skdl._networks.code_keys import root_package
from skdl._networks.default_seeds import own_default_seeds
from skdl._networks.keras import keras
from skdl._networks.recipes import Original, Recipe
from skdl._networks.stand_ins import Copied, copiable

from keras.src.saving.serialization_lib import SafeModeScope  # isort: skip

_REMEDY = "Pass the function that builds it, and make all layers in it."


def parts_of(layer: keras.Layer) -> tuple:
    """Return the arguments of `remade`: class, configuration, weights and what they need.

    Raises
    ------
    ValueError
        If Keras cannot describe the layer.
    """
    try:
        config, built = layer.get_config(), layer.get_build_config() if layer.built else None
    except Exception as error:  # whatever a user's class raises
        raise _not_copied(layer.name, error) from error
    values = [variable.numpy() for variable in layer.variables]
    trainable = [each._trainable for each in layer._flatten_layers()]
    return type(layer), config, own_objects(layer), built, values, trainable, _compiled(layer)


def remade(
    cls: Any,
    config: dict[str, Any],
    own: dict[str, Any],
    built: dict[str, Any] | None,
    values: list[np.ndarray],
    trainable: list[bool],
    compiled: dict[str, Any] | None,
) -> keras.Layer:
    """Return a new layer of the parts of one."""

    def build(layer: keras.Layer) -> None:
        if built is not None and not layer.built:
            layer.build_from_config(built)

    with own_default_seeds():
        layer = made_of(cls, config, own, build, values, trainable)
        if compiled is not None:
            layer.compile(**compiled)
    return layer


def made_of(
    cls: Any,
    config: dict[str, Any],
    own: dict[str, Any],
    build: Callable[[keras.Layer], None],
    values: list[np.ndarray] | None,
    trainable: list[bool],
) -> keras.Layer:
    """Return a new layer of a class and configuration, with these values of its variables.

    Where there are no values, since the original has not been built, those of its initializers
    stay, and what is trained follows from the configuration.

    Raises
    ------
    ValueError
        If Keras cannot make it, or makes another one.
    """
    name = config.get("name", cls.__name__)
    try:
        # The parts are those of an object of this user's, of functions too.
        with keras.utils.custom_object_scope(own), SafeModeScope(False):
            layer = cls.from_config(config)
            build(layer)
        layers = list(layer._flatten_layers())
    except Exception as error:  # whatever a user's class raises
        raise _not_copied(name, error) from error
    if values is None:
        return layer
    shapes = [tuple(variable.shape) for variable in layer.variables]
    if shapes != [value.shape for value in values] or len(layers) != len(trainable):
        raise ValueError(
            f"The network {name!r} cannot be copied: its configuration gives other layers, or "
            f"variables of other shapes. {_REMEDY}"
        )
    for variable, value in zip(layer.variables, values, strict=True):
        variable.assign(keras.ops.cast(value, variable.dtype))
    for each, is_trained in zip(layers, trainable, strict=True):
        each.trainable = is_trained
        if isinstance(each, keras.layers.Normalization) and each.built:
            each.finalize_state()  # which holds the moments as tensors
    return layer


def own_objects(layer: keras.Layer) -> dict[str, Any]:
    """Return the classes and functions in a network that are not Keras's, by their names.

    Raises
    ------
    ValueError
        If two have one name: Keras's configurations tell them by nothing else.
    """
    found: dict[str, Any] = {}
    waiting, seen = list(layer._flatten_layers()), {}
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value  # kept, so that its id stays its own
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, FunctionType | type):
            _note(found, value, layer.name)
        elif hasattr(value, "get_config"):
            _note(found, type(value), layer.name)
            held = getattr(value, "__dict__", {})
            # Keras puts wrapped methods into layers.
            waiting += [each for name, each in held.items() if not hasattr(type(value), name)]
    return found


def _note(found, value, network):
    if root_package(value) == "keras" or value.__name__ == "<lambda>":  # known by its code
        return
    for name in {value.__name__, keras.saving.get_registered_name(value)}:
        if found.setdefault(name, value) is not value:
            raise ValueError(
                f"The network {network!r} cannot be copied: two of its classes or functions have "
                f"the name {name!r}. Give them other names, or pass the function that builds it."
            )


def _compiled(layer):
    """Return what a network was compiled with, None for one that was not; losses as recipes."""
    if not getattr(layer, "compiled", False) or not hasattr(layer, "_compile_config"):
        return None
    given = dict(layer._compile_config.config)
    if layer.optimizer is not None:
        given["optimizer"] = Copied(layer.optimizer)
    return {name: copiable(value) for name, value in given.items()}


def anew(value: Any) -> Any:
    """Return an object like one that Keras describes, whose use does not change this one.

    A layer that has weights is copied with them.

    Raises
    ------
    ValueError
        If its configuration does not describe it.
    """
    if isinstance(value, keras.Layer) and value.variables:
        return remade(*parts_of(value))
    kind = "loss" if isinstance(value, keras.losses.Loss) else "model_params"
    recipe = Recipe.of(value, kind)
    return Original(recipe.instance).make() if isinstance(recipe, Original) else recipe.make()


def _not_copied(name, error):
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return ValueError(
        f"The network {name!r} cannot be copied, as each fit has one of its own: {lines[0]} "
        f"{_REMEDY}"
    )
