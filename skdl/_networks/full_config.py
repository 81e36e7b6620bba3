"""The configuration of a Keras object with all of its arguments."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np


def full_config(instance: Any) -> dict:
    """Return the configuration of an object, and the keywords of a function that it wraps.

    `keras.losses.Huber.get_config` does not name delta: of its configuration alone Keras makes a
    loss with the default of 1.
    """
    config = instance.get_config()
    keywords = getattr(instance, "_fn_kwargs", None)
    if not isinstance(keywords, dict):
        return config
    accepted = inspect.signature(type(instance)).parameters
    return {name: keywords[name] for name in keywords if name in accepted} | config


def names_all(instance: Any) -> bool:
    """Tell whether an object's own configuration leaves out nothing that is not the default."""
    config, parameters = instance.get_config(), inspect.signature(type(instance)).parameters
    missing = {n: v for n, v in full_config(instance).items() if n not in config}
    return all(np.array_equal(parameters[name].default, value) for name, value in missing.items())
