"""Keras objects by name, configuration and instance: optimizers, losses, metrics and others."""

from __future__ import annotations

import copy
import difflib
import functools
import inspect
from typing import Any

import numpy as np

from skdl._networks.keras import keras
from skdl._networks.recipes import Original, Recipe

_KINDS = {
    "optimizer": keras.optimizers,
    "loss": keras.losses,
    "metrics": keras.metrics,
    "activation": keras.activations,
    "kernel_initializer": keras.initializers,
}
# Spellings that Keras resolves itself, by the shapes of targets and outputs.
_BY_SHAPE = {"acc", "accuracy", "ce", "crossentropy"}


def check_name(parameter: str, name: str) -> None:
    """Raise a ValueError with the close matches if Keras knows no such `name`."""
    module = _KINDS[parameter]
    if parameter == "metrics" and name in _BY_SHAPE:
        return
    try:
        if parameter != "kernel_initializer":
            if name in {"get", "serialize", "deserialize"}:
                raise ValueError(name)
            module.get(name)
            return
        initializer_class(name)  # `get` would draw a seed from Python's global generator
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{parameter}={name!r} cannot be given by name, since it has arguments without "
            f"defaults ({error}): pass an object or a configuration."
        ) from None
    except (ValueError, AttributeError):
        known = {key.lower(): key for key in dir(module) if not key.startswith("_")}
        for function in ("get", "serialize", "deserialize"):
            known.pop(function, None)
        close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(repr(known[c]) for c in close)}?" if close else ""
        raise ValueError(f"Unknown {parameter}: received {parameter}={name!r}.{hint}") from None


def initializer_class(name: str) -> type:
    """Return the class of an initialiser by any of its names."""
    found = keras.saving.get_registered_object(name)
    name = name.rsplit(">", maxsplit=1)[-1]
    aliases = {"uniform": "random_uniform", "normal": "random_normal"}
    found = found or getattr(keras.initializers, aliases.get(name, name))
    if not isinstance(found, type):
        raise AttributeError(f"{name!r} is no initialiser")
    return found


def optimizer_recipe(optimizer: Any) -> Any:
    """Return the recipe of an optimizer given as a name, configuration or object."""
    if isinstance(optimizer, str):
        check_name("optimizer", optimizer)
        optimizer = keras.optimizers.get(optimizer)
    optimizer = deserialized("optimizer", optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            "optimizer must be a name in keras.optimizers, a configuration or an optimizer object, "
            f"received optimizer={optimizer!r}."
        )
    return _unnamed(Recipe.of(optimizer, "optimizer"))


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
                f"{parameter}={value!r} is no Keras configuration: {error}. Make one with "
                "keras.saving.serialize_keras_object."
            ) from error
    if isinstance(found, str | dict):
        raise ValueError(
            f"{parameter}={value!r} is no Keras configuration of a known class. Make one with "
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
        recipes.append(metric)
    return tuple(recipes)


def target_form(loss: Any, metrics: Any) -> str | None:
    """Return "sparse" or "one_hot" where a loss or metric asks for one form of class labels."""
    forms = {form for form in map(_form, [loss, *metric_recipes(metrics)]) if form}
    if len(forms) > 1:
        raise ValueError(
            "loss and metrics need the class labels in different forms: received "
            f"loss={loss!r}, metrics={metrics!r}. Use names that all begin with 'sparse_', or none."
        )
    return forms.pop() if forms else None


def _form(loss_or_metric: Any) -> str | None:
    if isinstance(loss_or_metric, str) and loss_or_metric in {*_BY_SHAPE, "auto"}:
        return None
    if isinstance(loss_or_metric, Recipe):
        loss_or_metric = loss_or_metric.cls
    if isinstance(loss_or_metric, dict):
        loss_or_metric = loss_or_metric.get("class_name", "")
    if not isinstance(loss_or_metric, str):
        if isinstance(loss_or_metric, keras.losses.Loss):
            loss_or_metric = type(loss_or_metric)
        loss_or_metric = getattr(_unwrapped(loss_or_metric), "__name__", "")
    return "sparse" if loss_or_metric.lower().startswith("sparse") else "one_hot"


def needs_classes(loss_or_metric: Any) -> bool:
    """Tell whether a loss or metric of Keras needs one unit a class."""
    if isinstance(loss_or_metric, dict):
        loss_or_metric = loss_or_metric.get("class_name", "")
    if not isinstance(loss_or_metric, str):
        named = _unwrapped(loss_or_metric)
        named = named if hasattr(named, "__name__") else type(named)
        module = getattr(named, "__module__", None) or ""
        loss_or_metric = named.__name__ if module.split(".")[0] == "keras" else ""
    return "categorical" in loss_or_metric.lower()


def _unwrapped(function: Any) -> Any:
    """Return the function within a `functools.partial`."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
