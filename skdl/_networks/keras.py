"""Keras, loaded quietly and modestly, and scikeras, imported here and nowhere else.

Other modules take `keras` from here. Of scikeras only the wrapper is used, which compiles a
built model; its estimators, which scikit-learn 1.6 and later misreads, are not.
"""

from __future__ import annotations

from skdl._common.processes import modest_start, without_collector
from skdl._common.quiet import quiet_start

with quiet_start(), modest_start(), without_collector():
    import keras
    from keras import backend
    from keras.src.backend.common import global_state  # noqa: F401 - for `settings`

    if backend.backend() == "tensorflow":
        keras.ops.convert_to_tensor(0)  # starts the devices, which has log lines of its own

if backend.backend() != "tensorflow":
    raise ImportError(
        f"skdl trains with TensorFlow, but Keras was loaded with the {backend.backend()!r} "
        "backend. Set the environment variable KERAS_BACKEND=tensorflow before importing keras."
    )

_PICKLING = ("__reduce__", "__deepcopy__")


def _import_wrapper() -> type:
    """Import scikeras's wrapper and put back how Keras pickles, which scikeras replaces."""
    classes = (keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer)
    found = [{name: vars(cls).get(name) for name in _PICKLING} for cls in classes]
    from scikeras.wrappers import BaseWrapper

    for cls, methods in zip(classes, found, strict=True):
        for name, method in methods.items():
            if method is not None:
                setattr(cls, name, method)
            elif name in vars(cls):
                delattr(cls, name)
    return BaseWrapper


BaseWrapper = _import_wrapper()
