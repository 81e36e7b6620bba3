"""The settings under which networks are built, trained and used, whatever the user has set.

`random_state` is to decide every bit of a network, and Keras, scikit-learn and NumPy have settings
that would decide some too: the dtype of what is given none, the place of an image's channels,
the smallest number in a logarithm, the container that a transformer returns.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING

import sklearn

from skdl._common.caller import users_stacklevel
from skdl._common.processes import lock
from skdl._common.settings import HeldSettings, Setting, numpy_defaults

if TYPE_CHECKING:
    import keras


@contextmanager
def own_settings() -> Iterator[None]:
    """Compute with the default settings of Keras and NumPy, and with scikit-learn's own arrays.

    Keras has most of them for the whole process, so that its other threads see them too; see
    `HeldSettings`. It can be entered again inside itself, and also decorates functions.
    """
    plain = sklearn.get_config()["transform_output"] == "default"
    with (
        numpy_defaults(),
        nullcontext() if plain else sklearn.config_context(transform_output="default"),
        _keras_settings().held(),
        _of_this_thread(),
    ):
        yield


@contextmanager
def building() -> Iterator[None]:
    """Build a Keras network or trace a program, which one thread does at a time."""
    with lock, own_settings():
        yield


def warn_of_data_format(model: keras.Model, label: str) -> None:
    """Warn where a user's function leaves to Keras's setting what the user has set otherwise.

    Its layers take the channels last then, whatever the user has set. Those that were given a
    `data_format` are told from them by the object that it is: ours is no other layer's.

    Parameters
    ----------
    model : keras.Model
        What the function has built under our settings.
    label : str
        How the caller calls the function, such as "model=build".
    """
    from skdl._networks.keras import keras

    replaced = _keras_settings().replaced(keras.config.image_data_format)
    if replaced is None:
        return
    theirs, ours = replaced
    names = [
        layer.name
        for layer in model._flatten_layers()
        if getattr(layer, "data_format", None) is ours and _has_channels(layer)
    ]
    if names:
        warnings.warn(
            f"The layers {names} of {label} have no data_format, and take "
            f"{ours!r} though keras.config.image_data_format() is {theirs!r}: the estimators of "
            "skdl build and use networks with Keras's default settings. Give these layers "
            f"data_format={theirs!r}, or data_format={ours!r} if that is what X has.",
            UserWarning,
            stacklevel=users_stacklevel(),
        )


def _has_channels(layer):
    """Tell whether it makes a difference to a layer where its input has the channels."""
    try:
        return len(layer.input.shape) > 2
    except (AttributeError, ValueError):  # within a class of the user's, or called several times
        return True


@cache
def _keras_settings() -> HeldSettings:
    from skdl._networks.keras import keras

    config = keras.config
    return HeldSettings(
        Setting(config.floatx, config.set_floatx, lambda _: "".join(("float", "32"))),
        Setting(config.epsilon, config.set_epsilon, lambda _: float("1e-7")),
        Setting(
            config.image_data_format,
            config.set_image_data_format,
            lambda _: "".join(("channels", "_last")),
        ),
        Setting(config.max_epochs, config.set_max_epochs, lambda _: None),
        Setting(config.max_steps_per_epoch, config.set_max_steps_per_epoch, lambda _: None),
    )


@cache
def _thread_values() -> dict[str, object]:
    """Return our values of what Keras keeps for each thread, by its own names."""
    from skdl._networks.keras import keras

    return {"dtype_policy": keras.DTypePolicy("float32"), "remat_scope_stack": []}


@contextmanager
def _of_this_thread() -> Iterator[None]:
    """Hold Keras's default dtype policy, and no `keras.RematScope`, in this thread.

    Keras makes a policy, and keeps it, when it is first asked for one; none is left behind.
    """
    from skdl._networks.keras import global_state

    replaced = {}
    for name, ours in _thread_values().items():
        theirs = global_state.get_global_attribute(name)
        if theirs is not ours:
            replaced[name] = theirs
            global_state.set_global_attribute(name, ours)
    try:
        yield
    finally:
        for name, theirs in replaced.items():
            if global_state.get_global_attribute(name) is _thread_values()[name]:
                global_state.set_global_attribute(name, theirs)
