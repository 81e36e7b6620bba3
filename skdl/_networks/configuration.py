"""All that decides a compiled network but its weights: `NetworkConfig`."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdl._common.processes import check_process
from skdl._networks.keras import BaseWrapper, keras
from skdl._networks.numbers import (
    CompiledNumbers,
    Number,
    builder_key,
    builder_numbers,
    builder_numbers_key,
)
from skdl._networks.objects import (
    check_name,
    deserialized,
    loss_recipe,
    metric_recipes,
    named_activation,
    optimizer_recipe,
)
from skdl._networks.precision import check_bfloat16
from skdl._networks.recipes import Recipe, key_of, made, plain, seeded
from skdl._networks.settings import own_settings
from skdl._networks.unallocated import without_memory
from skdl._networks.units import measure_in_units

_ON_EACH_OUTPUT = ("linear", "sigmoid", "softmax", "exponential")


@dataclass(frozen=True)
class NetworkConfig:
    """All that decides a compiled network but its weights: builder, arguments, training.

    The learning rate, where it is a number, the numbers in `units`, and rates and penalties are no
    part of `key`: they are variables, so networks that differ in them alone share their compiled
    programs.

    `units` are the offset and the scale of each output by which metrics are measured in the units
    of y, where the network is trained on standardised y; None for networks without.
    """

    builder: Callable
    arguments: dict
    optimizer: Recipe
    loss: Any
    metrics: tuple
    learning_rate: float | None
    units: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @functools.cached_property
    def key(self) -> Hashable:
        """Equal for networks that share their compiled programs."""
        arguments, metrics = builder_key(self.arguments), key_of(self.metrics)
        compiled = self.compiled_numbers.key, metrics
        return self.builder, arguments, compiled, self.units is not None

    @property
    def numbers_key(self) -> Hashable:
        """Equal for networks whose numbers, which are no part of `key`, are the same."""
        return builder_numbers_key(self.arguments), *self.compiled_numbers.values

    @functools.cached_property
    def compiled_numbers(self) -> CompiledNumbers:
        """The numbers of optimizer and loss."""
        dtype = keras.DTypePolicy(self.arguments["dtype"]).variable_dtype
        return CompiledNumbers(self.optimizer, self.loss, dtype)

    def numbers_of(self, model: keras.Model) -> list[Number]:
        """Return the numbers of a model that was compiled by this configuration."""
        return builder_numbers(model) + self.compiled_numbers.of(model)

    @own_settings()
    def numbers(self) -> list[float]:
        """Return the values of the numbers, those of layers from a network without weights."""
        arguments = {name: made(value) for name, value in self.arguments.items()}
        with without_memory(sys.maxsize):
            model = self.builder(**arguments, seed=0)
        found = [number.value for number in builder_numbers(model)]
        return found + self.compiled_numbers.values

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the key, which holds what functions read: modules, for one."""
        computed = {"key", "compiled_numbers"}
        return {name: value for name, value in vars(self).items() if name not in computed}

    @classmethod
    @own_settings()
    def of(
        cls,
        builder: Callable,
        arguments: dict,
        optimizer: Any,
        learning_rate: float | None,
        loss: Any,
        metrics: Any,
        units: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
    ) -> NetworkConfig:
        """Resolve names and objects, checking each."""
        arguments = dict(arguments)
        for parameter in ("activation", "output_activation"):
            if parameter in arguments:
                arguments[parameter] = named_activation(arguments[parameter])
                for value in _listed(arguments[parameter]):
                    _check_object(parameter, value)
        initializer = arguments.get("kernel_initializer")
        if isinstance(initializer, dict):  # made, it might draw from a global generator
            initializer = initializer.get("class_name")
        _check_object("kernel_initializer", initializer)
        arguments = {name: plain(value, name) for name, value in arguments.items()}
        recipe, learning_rate = optimizer_and_rate(optimizer, learning_rate)
        loss, metrics = loss_recipe(loss, arguments["dtype"]), metric_recipes(metrics)
        units = units if metrics else None
        return cls(builder, arguments, recipe, loss, metrics, learning_rate, units)

    def rebuilt(self, builder: Callable, arguments: dict) -> NetworkConfig:
        """Return the configuration of another network that is compiled alike."""
        return replace(self, builder=builder, arguments=arguments)

    def weighs_rows(self, target_shape: tuple[int, ...], n_outputs: int) -> bool:
        """Tell whether the loss is a number per row, which a weight can multiply."""
        return weighs_rows(self.loss, target_shape, n_outputs)

    @own_settings()
    def compile(self, seed: int, **extra: Any) -> keras.Model:
        """Build and compile the network, its optimizer, loss and metrics built as well."""
        check_process()

        def build(compile_kwargs):
            arguments = {name: made(value) for name, value in self.arguments.items()}
            model = self.builder(**arguments, **extra, seed=seed)
            # Metrics as they are: scikeras would rename "mae" in the history.
            model.compile(**compile_kwargs | {"metrics": list(made(self.metrics))})
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
            check_bfloat16(error)
            name = f"kernel_initializer={self.arguments.get('kernel_initializer')!r}"
            raise ValueError(f"The network cannot be built with {name}: {error}") from error
        if "activation" in self.arguments:
            self._check_activation(model)
        if self.arguments.get("output_activation", "linear") not in _ON_EACH_OUTPUT:
            self._check_output(model)
        model._aggregate_additional_loss = penalty_in_common_dtype
        if self.units is not None:
            measure_in_units(model, len(self.units[0]))
        model.optimizer.build(model.trainable_variables)
        if self.learning_rate is not None:
            model.optimizer.learning_rate = self.learning_rate
        return model

    def _check_activation(self, model: keras.Model) -> None:
        """Raise a ValueError if layers cannot use the activation; build one that is a layer."""
        activation = self.arguments["activation"]
        for name in _listed(activation):
            if not isinstance(name, str):
                continue
            with named_errors(f"activation={name!r}", "a layer's outputs"):
                if tuple(keras.activations.get(name)(keras.ops.zeros((1, 2))).shape) != (1, 2):
                    raise ValueError(  # "glu" for one
                        "it gives fewer or more outputs than there are units. Use one that works "
                        "on each output, such as 'relu'"
                    )
        if all(isinstance(each, str) for each in _listed(activation)):
            return
        with named_errors(f"activation={activation!r}", "a layer's outputs"):
            # Keras leaves its weights, and its errors, to the first call.
            inputs = np.zeros((1, *model.input_shape[1:]), model.inputs[0].dtype)
            model(inputs, training=False)

    def _check_output(self, model: keras.Model) -> None:
        """Raise a ValueError if the output layer's activation changes the number of outputs.

        Keras takes it for granted that it does not, and broadcasts what comes out with y.
        """
        activation = getattr(model.layers[-1], "activation", None)
        if activation is None:  # of a network of the user's own
            return
        n_outputs = self.arguments["n_outputs"]
        given = f"output_activation={self.arguments['output_activation']!r}"
        with named_errors(given, "the output layer's values"):
            shape = tuple(activation(keras.ops.zeros((1, n_outputs))).shape)
            if shape != (1, n_outputs):  # "glu" for one
                raise ValueError(
                    f"it makes {shape[1:]} outputs of {n_outputs}. Use one that works on each "
                    "output, such as 'softplus'"
                )


def _listed(activation: Any) -> tuple:
    """Return the activations of all layers, one for all or one each."""
    return activation if isinstance(activation, tuple) else (activation,)


def _check_object(parameter: str, value: Any) -> None:
    """Raise a ValueError if a name or a configuration is none of Keras."""
    if isinstance(value, str):
        check_name(parameter, value)
    deserialized(parameter, seeded(value))


def optimizer_and_rate(optimizer: Any, learning_rate: float | None) -> tuple[Recipe, float | None]:
    """Return the recipe of an optimizer without its learning rate, and that where it is a number.

    A number given beside a schedule wins.
    """
    recipe = optimizer_recipe(optimizer)
    if not isinstance(recipe.config.get("learning_rate"), dict):
        own_rate = recipe.config.pop("learning_rate", None)
        return recipe, own_rate if learning_rate is None else learning_rate
    if learning_rate is not None:
        recipe.config.pop("learning_rate")
    return recipe, learning_rate


@own_settings()
def weighs_rows(loss: Any, target_shape: tuple[int, ...], n_outputs: int) -> bool:
    """Tell whether a loss is a number per row, which a weight can multiply.

    Dice, Tversky and functions that end in a mean over everything give one for a batch;
    Keras would multiply it by the mean of the weights and say nothing.
    """
    loss = made(loss)
    compute = loss.call if isinstance(loss, keras.losses.Loss) else loss
    y = keras.ops.zeros((2, *target_shape))
    return len(compute(y, keras.ops.full((2, n_outputs), 1 / max(n_outputs, 2))).shape) > 0


def penalty_in_common_dtype(loss: Any) -> Any:
    """Return a layer's penalty in the dtype in which Keras adds up all losses.

    Keras leaves it in the layer's own and fails to add what differs from float32.
    """
    return keras.ops.cast(keras.ops.sum(loss), keras.config.floatx())


def build_metrics(model: keras.Model, y: np.ndarray) -> None:
    """Create the variables of loss and metrics, which Keras leaves to the first batch."""
    outputs = np.zeros((len(y), *model.output_shape[1:]), dtype=model.outputs[0].dtype)
    with named_errors("loss", "y and outputs"):
        model.compute_loss(None, y, keras.ops.convert_to_tensor(outputs))
    with named_errors("metrics", "y and outputs"):
        model.compute_metrics(None, y, keras.ops.convert_to_tensor(outputs))
    model.reset_metrics()


@contextlib.contextmanager
def named_errors(parameter: str, arguments: str) -> Iterator[None]:
    """Name the parameter in what its function raises."""
    try:
        yield
    except Warning:
        raise
    except Exception as error:  # whatever a user's function raises
        raise ValueError(f"{parameter} cannot be computed from {arguments}: {error}") from error
