"""Callbacks: those that the user gives, as they are, or made by their names."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np

from skdl._networks.keras import keras

_BATCH_HOOKS = [
    f"on_{phase}batch_{moment}" for phase in ("", "train_", "test_") for moment in ("begin", "end")
]


def needs_batches(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback overrides a batch hook, so that it needs `Model.fit`.

    `ModelCheckpoint` overrides them for a `save_freq` in batches alone.
    """
    if type(callback) is keras.callbacks.ModelCheckpoint:
        return callback.save_freq != "epoch"
    base = keras.callbacks.Callback
    return any(
        hook in vars(callback) or getattr(type(callback), hook) is not getattr(base, hook)
        for hook in _BATCH_HOOKS
    )


def checked_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return the given callbacks, which Keras's users expect to be called themselves."""
    if callbacks is None:
        return []
    if not isinstance(callbacks, list | tuple | np.ndarray):
        callbacks = [callbacks]
    checked = []
    for callback in callbacks:
        if isinstance(callback, str):
            cls = getattr(keras.callbacks, callback, None)
            if cls is None:
                close = difflib.get_close_matches(callback, dir(keras.callbacks), n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"Unknown callback: received callbacks={callback!r}.{hint}")
            try:
                callback = cls()
            except TypeError as error:
                raise TypeError(
                    f"callbacks={callback!r} cannot be given by name, since it has arguments "
                    f"without defaults: pass keras.callbacks.{callback}(...)."
                ) from error
        if not isinstance(callback, keras.callbacks.Callback):
            is_class = isinstance(callback, type) and issubclass(callback, keras.callbacks.Callback)
            remedy = f" Call the class: {callback.__name__}(...)." if is_class else ""
            if not is_class and callable(callback):
                remedy = " Wrap a function: keras.callbacks.LambdaCallback(on_epoch_end=...)."
            raise TypeError(
                f"callbacks must be Keras callbacks or their names, received {callback!r}.{remedy}"
            )
        checked.append(callback)
    return checked
