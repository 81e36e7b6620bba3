"""Keras objects by name, configuration and instance: optimizers, losses, metrics and others."""

from __future__ import annotations

import contextlib
import copy
import difflib
import functools
import inspect
import re
from typing import Any

import numpy as np

from skdl._networks.keras import keras
from skdl._networks.recipes import Original, Recipe

_KINDS = {
    "optimizer": keras.optimizers,
    "loss": keras.losses,
    "metrics": keras.metrics,
    "activation": keras.activations,
    "output_activation": keras.activations,
    "kernel_initializer": keras.initializers,
}
_BASES = {"optimizer": keras.optimizers.Optimizer, "loss": keras.losses.Loss}
_NOT_OBJECTS = {"get", "serialize", "deserialize"}
# What scikit-learn and papers call them, where no spelling is close to Keras's.
_SYNONYMS = {
    "metrics": {
        "f1": "f1_score",
        "r2": "r2_score",
        "rmse": "root_mean_squared_error",
        "roc_auc": "auc",
    },
}
_SHORT = ("bce", "kld", "mae", "mape", "mse", "msle")
# For which Keras takes one of three metrics, by the shapes of targets and outputs.
_BY_SHAPE = {"acc", "accuracy"}
# Layers that are activations, where no function of a similar name computes the same.
_ACTIVATION_LAYERS = {"LeakyReLU", "PReLU"}


def check_name(parameter: str, name: str) -> None:
    """Raise a ValueError with the close matches if Keras knows no such `name`."""
    (_check_once if _is_of_keras(name) else _check)(parameter, name)


def _is_of_keras(name):
    """Tell whether users have registered nothing under a name, which Keras would take first."""
    found = map(keras.saving.get_registered_object, (name, name.lower()))
    return all(each is None for each in found)


def _check(parameter, name):
    try:
        _get(parameter, name)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{parameter}={name!r} cannot be given by name, since it has arguments without "
            f"defaults ({error}): pass an object or a configuration."
        ) from None
    except (ValueError, AttributeError):
        close = _close_names(parameter, name)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(f"Unknown {parameter}: received {parameter}={name!r}.{hint}") from None


# Asking Keras makes an object, in milliseconds.
_check_once = functools.cache(_check)


def _get(parameter, name):
    """Raise an error if Keras has nothing under a name."""
    if parameter == "kernel_initializer":
        initializer_class(name)  # `get` would draw a seed from Python's global generator
    elif name in _NOT_OBJECTS:
        raise ValueError(name)
    elif not (parameter == "metrics" and name in _BY_SHAPE):
        _KINDS[parameter].get(name)


def named_activation(activation: Any) -> Any:
    """Return an activation as Keras knows it, one or several; others than names as they are.

    Keras takes names of optimizers and losses in any case, or those of their classes, but not
    those of activations. A name that is unknown in all forms stays as it is.
    """
    if isinstance(activation, list | tuple | np.ndarray):
        return tuple(map(named_activation, activation))
    if not isinstance(activation, str):
        return activation
    for name in (activation, activation.lower(), _snake(activation)):
        with contextlib.suppress(ValueError, AttributeError, TypeError, KeyError):
            _get("activation", name)
            return name
    if activation in _ACTIVATION_LAYERS:
        return getattr(keras.layers, activation)()
    return activation


def _close_names(parameter, name):
    """Return up to three names that may be meant, all of which Keras knows."""
    wanted = _SYNONYMS.get(parameter, {}).get(name.lower())
    if wanted is not None:
        return [wanted]
    own = [known for known in dir(_KINDS[parameter]) if not known.startswith("_")]
    names = {known.lower(): known for known in own}
    names |= {known: known for known in (*map(_snake, own), *_SHORT)}
    found = []
    for close in difflib.get_close_matches(name.lower(), names, n=6, cutoff=0.5):
        with contextlib.suppress(ValueError, AttributeError, TypeError, KeyError):
            _get(parameter, names[close])
            found.append(names[close])
    return list(dict.fromkeys(found))[:3]


def _snake(name):
    """Return the name that Keras makes of a class's name."""
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def initializer_class(name: str) -> type:
    """Return the class of an initialiser by any of its names."""
    found = keras.saving.get_registered_object(name)
    name = name.rsplit(">", maxsplit=1)[-1]
    aliases = {"uniform": "random_uniform", "normal": "random_normal"}
    found = found or getattr(keras.initializers, aliases.get(name, name))
    if not isinstance(found, type):
        raise AttributeError(f"{name!r} is no initialiser")
    return found


def check_no_class(parameter: str, value: Any) -> None:
    """Refuse an optimizer or loss that is given as a class in place of an object.

    Metrics may be classes, of which Keras makes objects.
    """
    if isinstance(value, type) and issubclass(value, _BASES[parameter]):
        raise TypeError(
            f"{parameter} must hold an object, received the class {value.__name__}. Call it: "
            f"{value.__name__}(...)."
        )


def optimizer_recipe(optimizer: Any) -> Any:
    """Return the recipe of an optimizer given as a name, configuration or object."""
    check_no_class("optimizer", optimizer)
    if isinstance(optimizer, str):
        check_name("optimizer", optimizer)
        if _is_of_keras(optimizer):
            return copy.deepcopy(_optimizer_of_keras(optimizer))
        optimizer = keras.optimizers.get(optimizer)
    optimizer = deserialized("optimizer", optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            "optimizer must be a name in keras.optimizers, a configuration or an optimizer object, "
            f"received optimizer={optimizer!r}."
        )
    return _unnamed(Recipe.of(optimizer, "optimizer"))


@functools.cache
def _optimizer_of_keras(name: str) -> Any:
    """Return the recipe of one of Keras's own optimizers, made once."""
    return _unnamed(Recipe.of(keras.optimizers.get(name), "optimizer"))


def deserialized(parameter: str, value: Any) -> Any:
    """Return the object that a Keras configuration describes; other values as they are."""
    if not isinstance(value, dict):
        return value
    try:
        found = keras.saving.deserialize_keras_object(copy.deepcopy(value))
    except (TypeError, ValueError, KeyError):
        found = None
    if found is None or isinstance(found, str | dict):
        try:  # the short form, {"class_name": "Adam", "config": {...}}
            found = _KINDS[parameter].deserialize(copy.deepcopy(value))
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(
                f"{parameter}={value!r} is not a Keras configuration: {error}. Make one with "
                "keras.saving.serialize_keras_object."
            ) from error
    if isinstance(found, str | dict):
        raise ValueError(
            f"{parameter}={value!r} is not a Keras configuration of a known class. Make one with "
            "keras.saving.serialize_keras_object."
        )
    return found


def _unnamed(recipe: Recipe | Original) -> Recipe | Original:
    """Drop the name that Keras numbers by what was made before in this process."""
    if isinstance(recipe, Recipe):
        recipe.config.pop("name", None)
    return recipe


def loss_recipe(loss: Any, dtype: str) -> Any:
    """Return the recipe of a loss given as a name, configuration or object.

    A name becomes the class with reduction "sum_over_batch_size", which is linear in the
    sample weights. A plain function is returned as it is.
    """
    check_no_class("loss", loss)
    if isinstance(loss, str):
        check_name("loss", loss)
        loss = keras.losses.get(loss)
    loss = deserialized("loss", loss)
    if not isinstance(loss, keras.losses.Loss):
        cls = getattr(keras.losses, _camel(getattr(loss, "__name__", "")), None)
        if cls is None or getattr(keras.losses, loss.__name__, None) is not loss:
            return loss
        loss = cls(reduction="sum_over_batch_size")
    recipe = _unnamed(Recipe.of(loss, "loss"))
    accepts = inspect.signature(type(loss)).parameters
    if dtype == "float64" and isinstance(recipe, Recipe) and "dtype" in accepts:
        recipe.config["dtype"] = dtype
    return recipe


def metric_recipes(metrics: Any) -> tuple:
    """Return names, functions and recipes of the metrics."""
    if metrics is None:
        return ()
    recipes = []
    for metric in metrics if isinstance(metrics, list | tuple | np.ndarray) else [metrics]:
        if isinstance(metric, str):
            check_name("metrics", metric)
            metric = str(metric)
        elif isinstance(metric, dict):
            named = "name" in metric.get("config", {})
            metric = Recipe.of(deserialized("metrics", metric), "metrics")
            metric = metric if named else _unnamed(metric)
        elif isinstance(metric, keras.metrics.Metric):
            metric = Recipe.of(metric, "metrics")
        elif not callable(metric):
            raise TypeError(
                "metrics must be names in keras.metrics, configurations, objects or functions, "
                f"received {metric!r}."
            )
        elif (getattr(metric, "__module__", None) or "").startswith("sklearn."):
            raise TypeError(
                f"metrics must be those of Keras, which compute on tensors, received "
                f"{metric.__name__} of scikit-learn. Give the name of one in keras.metrics, and "
                "use scikit-learn's on predictions, or as the scoring of a search."
            )
        recipes.append(metric)
    return tuple(recipes)


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
