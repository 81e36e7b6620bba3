"""Keras by name and by object: optimizers, losses, metrics, callbacks, compiled networks.

The only module that imports scikeras, which wraps the plain builder functions into compiled
models. Its estimators, which today's scikit-learn misreads, are not used. Other modules take
`keras` from here, where it is loaded without TensorFlow's log lines.
"""

from __future__ import annotations

import contextlib
import copy
import difflib
import functools
import inspect
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdl._processes import check_process, modest_start
from skdl._quiet import quiet_start
from skdl._recipes import Original, Recipe, key_of, made, plain, seeded

with quiet_start(), modest_start():
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


def optimizer_recipe(optimizer: Any) -> Recipe:
    """Return the recipe of an optimizer given as a name, configuration or object."""
    if isinstance(optimizer, str):
        check_name("optimizer", optimizer)
        optimizer = keras.optimizers.get(optimizer)
    optimizer = _deserialized("optimizer", optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            "optimizer must be a name in keras.optimizers, a configuration or an optimizer object, "
            f"received optimizer={optimizer!r}."
        )
    return _unnamed(Recipe.of(optimizer, "optimizer"))


def _deserialized(parameter: str, value: Any) -> Any:
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
    loss = _deserialized("loss", loss)
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
            metric = Recipe.of(_deserialized("metrics", metric), "metrics")
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

    @functools.cached_property
    def key(self) -> Hashable:
        """Equal for networks that share their compiled programs."""
        recipes = self.optimizer.key, key_of(self.loss), key_of(self.metrics)
        return self.builder, key_of(self.arguments), *recipes

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the key, which holds what functions read: modules, for one."""
        return {name: value for name, value in vars(self).items() if name != "key"}

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
            value = arguments.get(parameter)
            if parameter == "kernel_initializer" and isinstance(value, dict):
                value = value.get("class_name")  # made, it might draw from a global generator
            if isinstance(value, str):
                check_name(parameter, value)
            _deserialized(parameter, seeded(value))
        arguments = {name: plain(value, name) for name, value in arguments.items()}
        recipe = optimizer_recipe(optimizer)
        if not isinstance(recipe.config.get("learning_rate"), dict):
            own_rate = recipe.config.pop("learning_rate", None)
            learning_rate = own_rate if learning_rate is None else learning_rate
        elif learning_rate is not None:
            recipe.config.pop("learning_rate")  # a number given beside a schedule wins
        loss, metrics = loss_recipe(loss, arguments["dtype"]), metric_recipes(metrics)
        return cls(builder, arguments, recipe, loss, metrics, learning_rate)

    def rebuilt(self, builder: Callable, arguments: dict) -> NetworkConfig:
        """Return the configuration of another network that is compiled alike."""
        return replace(self, builder=builder, arguments=arguments)

    def compile(self, seed: int, **extra: Any) -> keras.Model:
        """Build and compile the network, its optimizer, loss and metrics built as well."""
        check_process()

        def build(compile_kwargs):
            arguments = {name: made(value) for name, value in self.arguments.items()}
            model = self.builder(**arguments, **extra, seed=seed)
            # Metrics as they are: scikeras would rename "mae" in the history. No loss is scaled
            # because Keras's global dtype policy is "mixed_float16".
            own = {"metrics": list(made(self.metrics)), "auto_scale_loss": False}
            model.compile(**compile_kwargs | own)
            return model

        wrapper = BaseWrapper(
            model=build,
            optimizer=self.optimizer.make(),
            loss=made(self.loss),
        )
        try:
            model = wrapper.initialize(np.zeros((1, 1)), np.zeros(1)).model_
        except Exception as error:  # whatever a user's function raises
            # Of all that is in a layer, Keras alone checks the initialiser.
            if any(name in str(error) for name in self.arguments if name != "dtype"):
                raise
            name = f"kernel_initializer={self.arguments.get('kernel_initializer')!r}"
            raise ValueError(f"The network cannot be built with {name}: {error}") from error
        if "activation" in self.arguments:
            self._check_activation(model)
        model._aggregate_additional_loss = _penalty
        model.optimizer.build(model.trainable_variables)
        if self.learning_rate is not None:
            model.optimizer.learning_rate = self.learning_rate
        return model

    def _check_activation(self, model: keras.Model) -> None:
        """Raise a ValueError if layers cannot use the activation; build one that is a layer."""
        activation = self.arguments["activation"]
        with _named(f"activation={activation!r}", "a layer's outputs"):
            if not isinstance(activation, str):
                # Keras leaves its weights, and its errors, to the first call.
                inputs = np.zeros((1, *model.input_shape[1:]), model.inputs[0].dtype)
                model(inputs, training=False)
            elif tuple(keras.activations.get(activation)(keras.ops.zeros((1, 2))).shape) != (1, 2):
                raise ValueError(  # "glu" for one
                    "it gives fewer or more outputs than there are units. Use one that works on "
                    "each output, such as 'relu'"
                )


def _penalty(loss: Any) -> Any:
    """Return a layer's penalty in the dtype in which Keras adds up all losses.

    Keras leaves it in the layer's own and fails to add what differs from float32.
    """
    return keras.ops.cast(keras.ops.sum(loss), keras.config.floatx())


def build_metrics(model: keras.Model, y: np.ndarray) -> None:
    """Create the variables of loss and metrics, which Keras leaves to the first batch."""
    outputs = np.zeros((len(y), *model.output_shape[1:]), dtype=model.outputs[0].dtype)
    with _named("loss", "y and outputs"):
        model.compute_loss(None, y, keras.ops.convert_to_tensor(outputs))
    with _named("metrics", "y and outputs"):
        model.compute_metrics(None, y, keras.ops.convert_to_tensor(outputs))
    model.reset_metrics()


@contextlib.contextmanager
def _named(parameter: str, arguments: str) -> Iterator[None]:
    """Name the parameter in what its function raises."""
    try:
        yield
    except Warning:
        raise
    except Exception as error:  # whatever a user's function raises
        raise ValueError(f"{parameter} cannot be computed from {arguments}: {error}") from error
