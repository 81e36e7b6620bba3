"""Keras by name and by object: optimizers, losses, metrics, callbacks, compiled networks.

The only module that imports scikeras, which wraps the plain builder functions into compiled
models. Its estimators, which today's scikit-learn misreads, are not used. Other modules take
`keras` from here, where it is loaded without TensorFlow's log lines.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdl._quiet import quiet_start

with quiet_start():
    import keras
    from keras import backend

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
            module.get(name)
            return
        initializer_class(name)  # `get` would draw a seed from Python's global generator
    except (ValueError, AttributeError):
        known = {key.lower(): key for key in dir(module) if not key.startswith("_")}
        close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(repr(known[c]) for c in close)}?" if close else ""
        raise ValueError(f"Unknown {parameter}: received {parameter}={name!r}.{hint}") from None


def initializer_class(name: str) -> type:
    """Return the class of an initialiser by any of its names."""
    found = keras.saving.get_registered_object(name)
    return found or getattr(keras.initializers, name.rsplit(">", maxsplit=1)[-1])


@dataclass(frozen=True)
class Recipe:
    """A Keras object as its class and configuration: comparable, picklable, made anew."""

    cls: Any
    config: dict = field(default_factory=dict)

    @classmethod
    def of(cls, instance: Any) -> Recipe:
        """Take the recipe from an object, leaving the object as it is."""
        return cls(type(instance), copy.deepcopy(instance.get_config()))

    def make(self) -> Any:
        """Return a new object."""
        return self.cls.from_config(copy.deepcopy(self.config))

    @property
    def key(self) -> Hashable:
        """Equal for objects that behave alike."""
        return self.cls, json.dumps(self.config, sort_keys=True, default=repr)


def plain(value: Any) -> Any:
    """Return a parameter of a builder with Keras objects replaced by their recipes."""
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    if not isinstance(value, type) and hasattr(value, "get_config"):
        return Recipe.of(value)
    return value


def _made(value: Any) -> Any:
    if isinstance(value, Recipe):
        return value.make()
    if isinstance(value, tuple):
        return tuple(_made(item) for item in value)
    return value


def _key(value: Any) -> Hashable:
    """Return a hashable stand-in for a parameter's value."""
    if isinstance(value, Recipe):
        return value.key
    if isinstance(value, list | tuple):
        return tuple(_key(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted((str(name), _key(item)) for name, item in value.items()))
    if isinstance(value, np.generic):
        return value.item()
    # 1, 1.0 and True are equal to Python but not to a builder.
    return (type(value).__name__, value) if isinstance(value, bool | int | float) else value


def optimizer_recipe(optimizer: Any) -> Recipe:
    """Return the recipe of an optimizer given as a name, configuration or object."""
    if isinstance(optimizer, str):
        check_name("optimizer", optimizer)
        optimizer = keras.optimizers.get(optimizer)
    elif isinstance(optimizer, dict):
        optimizer = keras.optimizers.deserialize(copy.deepcopy(optimizer))
    return _unnamed(Recipe.of(optimizer))


def _unnamed(recipe: Recipe) -> Recipe:
    """Drop the name that Keras numbers by what was made before in this process."""
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
    elif isinstance(loss, dict):
        loss = keras.losses.deserialize(copy.deepcopy(loss))
    if not isinstance(loss, keras.losses.Loss):
        cls = getattr(keras.losses, _camel(getattr(loss, "__name__", "")), None)
        if cls is None or getattr(keras.losses, loss.__name__, None) is not loss:
            return loss
        loss = cls(reduction="sum_over_batch_size")
    recipe = _unnamed(Recipe.of(loss))
    if dtype == "float64" and "dtype" in type(loss).__init__.__code__.co_varnames:
        recipe.config["dtype"] = dtype
    return recipe


def metric_recipes(metrics: Any) -> tuple:
    """Return names, functions and recipes of the metrics."""
    if metrics is None:
        return ()
    recipes = []
    for metric in metrics if isinstance(metrics, list | tuple) else [metrics]:
        if isinstance(metric, str):
            check_name("metrics", metric)
        elif isinstance(metric, dict):
            named = "name" in metric.get("config", {})
            metric = Recipe.of(keras.metrics.deserialize(copy.deepcopy(metric)))
            metric = metric if named else _unnamed(metric)
        elif isinstance(metric, keras.metrics.Metric):
            metric = Recipe.of(metric)
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
        loss_or_metric = getattr(loss_or_metric, "__name__", "")
    return "sparse" if loss_or_metric.lower().startswith("sparse") else "one_hot"


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@dataclass(frozen=True)
class NetworkConfig:
    """All that decides a compiled network but its weights: builder, arguments, training.

    The learning rate, where it is a number, is no part of `key`: it is a variable of the
    optimizer, so networks that differ in it alone share their compiled programs.
    """

    builder: Callable
    arguments: dict
    optimizer: Recipe
    loss: Any
    metrics: tuple
    learning_rate: float | None
    key: Hashable

    @classmethod
    def of(
        cls,
        builder: Callable,
        arguments: dict,
        optimizer: Any,
        learning_rate: float | None,
        loss: Any,
        metrics: Any,
    ) -> NetworkConfig:
        """Resolve names and objects, checking each."""
        for parameter in ("activation", "kernel_initializer"):
            if isinstance(arguments.get(parameter), str):
                check_name(parameter, arguments[parameter])
        arguments = {name: plain(value) for name, value in arguments.items()}
        recipe = optimizer_recipe(optimizer)
        if not isinstance(recipe.config.get("learning_rate"), dict):
            own_rate = recipe.config.pop("learning_rate", None)
            learning_rate = own_rate if learning_rate is None else learning_rate
        elif learning_rate is not None:
            recipe.config.pop("learning_rate")  # a number given beside a schedule wins
        loss, metrics = loss_recipe(loss, arguments["dtype"]), metric_recipes(metrics)
        key = (builder, _key(arguments), recipe.key, _key(loss), _key(metrics))
        return cls(builder, arguments, recipe, loss, metrics, learning_rate, key)

    def compile(self, seed: int, **extra: Any) -> keras.Model:
        """Build and compile the network, its optimizer, loss and metrics built as well."""

        def build(compile_kwargs):
            arguments = {name: _made(value) for name, value in self.arguments.items()}
            model = self.builder(**arguments, **extra, seed=seed)
            # Metrics as they are: scikeras would rename "mae" in the history.
            model.compile(**compile_kwargs | {"metrics": list(_made(self.metrics))})
            return model

        wrapper = BaseWrapper(
            model=build,
            optimizer=self.optimizer.make(),
            loss=_made(self.loss),
        )
        model = wrapper.initialize(np.zeros((1, 1)), np.zeros(1)).model_
        model.optimizer.build(model.trainable_variables)
        if self.learning_rate is not None:
            model.optimizer.learning_rate = self.learning_rate
        return model


def build_metrics(model: keras.Model, y: np.ndarray) -> None:
    """Create the variables of loss and metrics, which Keras leaves to the first batch."""
    outputs = np.zeros((len(y), *model.output_shape[1:]), dtype=model.outputs[0].dtype)
    model.compute_loss(None, y, keras.ops.convert_to_tensor(outputs))
    model.compute_metrics(None, y, keras.ops.convert_to_tensor(outputs))
    model.reset_metrics()


_BATCH_HOOKS = [
    f"on_{phase}batch_{moment}" for phase in ("", "train_", "test_") for moment in ("begin", "end")
]


def needs_batches(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback overrides a batch hook, so that it needs `Model.fit`.

    `ModelCheckpoint` and `TensorBoard` override them for settings that are rarely used.
    """
    if type(callback) is keras.callbacks.ModelCheckpoint:
        return callback.save_freq != "epoch"
    base = keras.callbacks.Callback
    return any(
        hook in vars(callback) or getattr(type(callback), hook) is not getattr(base, hook)
        for hook in _BATCH_HOOKS
    )


def copied_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return copies of the given callbacks, so that fits and clones never share state."""
    if callbacks is None:
        return []
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    copies = []
    for callback in callbacks:
        if isinstance(callback, str):
            cls = getattr(keras.callbacks, callback, None)
            if cls is None:
                close = difflib.get_close_matches(callback, dir(keras.callbacks), n=3)
                raise ValueError(
                    f"Unknown callback: received callbacks={callback!r}. Did you mean {close}?"
                )
            callback = cls()
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                f"callbacks must be Keras callbacks or their names, received {callback!r}."
            )
        copies.append(copy.deepcopy(callback))
    return copies
