"""How a user's own function is called: what it is given, and which hyperparameters are its own."""

from __future__ import annotations

import copy
import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# What a function is given where its signature names it; all of it follows from X, y and dtype.
GIVEN = (
    "input_shape",
    "n_features",
    "n_outputs",
    "output_activation",
    "n_classes",
    "meta",
    "compile_kwargs",
    "dtype",
    "seed",
)
PREFIX = "model__"


def name_of(function: Any) -> str:
    """Return what error messages call a function."""
    return getattr(function, "__name__", None) or type(function).__name__


def parameters_of(function: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function or class, none where Python cannot tell them."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def is_builder(model: Any) -> bool:
    """Tell whether `model` makes networks, and is not one itself."""
    return (callable(model) and not hasattr(model, "trainable_variables")) or isinstance(
        model, type
    )


def hyperparameters(model: Any) -> dict[str, Any]:
    """Return a function's own hyperparameters by name, with their defaults.

    One without a default has `inspect.Parameter.empty`.
    """
    if not is_builder(model):
        return {}
    return {
        name: parameter.default
        for name, parameter in parameters_of(model).items()
        if name not in GIVEN and parameter.kind in _NAMED
    }


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def takes_any(model: Any) -> bool:
    """Tell whether a function takes hyperparameters of any name."""
    if not is_builder(model):
        return False
    kinds = [parameter.kind for parameter in parameters_of(model).values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def check_hyperparameters(model: Any, names: Any, how: str) -> None:
    """Raise a ValueError if a function has no such hyperparameters; the message lists them."""
    own = hyperparameters(model)
    for name in names:
        if name in GIVEN:
            raise ValueError(
                f"{how}{name} cannot be set: {name_of(model)} is given {name!r}, which follows "
                "from the data and the other parameters."
            )
        if name in own or takes_any(model):
            continue
        if not is_builder(model):
            raise ValueError(
                f"{how}{name} cannot be set: model is a network already, without hyperparameters. "
                "Pass the function that builds it."
            )
        close = difflib.get_close_matches(name, own, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        known = ", ".join(own) or "none"
        raise ValueError(
            f"{how}{name}: {name_of(model)} has no parameter {name!r}.{hint} Its own "
            f"hyperparameters are: {known}."
        )


def arguments_for(
    model: Callable, given: dict[str, Any], model_params: dict[str, Any] | None
) -> dict[str, Any]:
    """Return all arguments of a call: what it names of the given, and its hyperparameters.

    Raises
    ------
    ValueError
        If a hyperparameter is unknown, or has neither a value nor a default.
    """
    model_params = dict(model_params or {})
    check_hyperparameters(model, model_params, "model_params: ")
    named = parameters_of(model)
    arguments = {name: value for name, value in given.items() if name in named} | model_params
    for name, parameter in named.items():
        missing = parameter.default is inspect.Parameter.empty and name not in arguments
        if missing and parameter.kind in _NAMED:
            raise ValueError(
                f"model={name_of(model)} needs a value for {name!r}: give "
                f"model_params={{{name!r}: ...}}, or a default in its signature. It is given, "
                f"where it names them: {', '.join(GIVEN)}."
            )
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise ValueError(
                f"model={name_of(model)} has the positional-only parameter {name!r}; it is called "
                "with keywords."
            )
    return arguments


def copied(value: Any) -> Any:
    """Return a copy of an argument, so that no call changes what the caller has.

    A layer that is an argument is made anew for each network.
    """
    if isinstance(value, dict) and type(value) is dict:
        return {name: copied(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(copied, value))
    if isinstance(value, np.ndarray):
        return value.copy()
    if hasattr(value, "get_config") and not isinstance(value, type):
        from skdl._networks.custom.layer_parts import anew

        return anew(value)
    try:
        return copy.deepcopy(value)
    except Exception:  # whatever a user's object raises
        return value
