"""One compiled network and its programs, shared by all fits that are configured alike.

A `Template` is a compiled Keras network whose `train_step`, `test_step` and forward pass are
traced into programs. The variables of the template are captured by the programs as inputs, and
every fit hands in variables of its own in their place; so all networks of one configuration
share programs, and fits in different threads share nothing else.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from skdl._common.processes import lock
from skdl._engine.compiled.convolutions import (
    is_plain_convolution,
    same_gradient_in_any_number_of_threads,
)
from skdl._engine.compiled.epoch_loop import (
    COUNTS,
    done,
    epochs_function,
    evaluation_loop,
    measures_means,
    specs_of_results,
    xla_loop,
)
from skdl._engine.compiled.evaluation import is_mean_of_rows
from skdl._engine.compiled.filled_batches import filled_step, is_row_by_row
from skdl._engine.compiled.functions import name_anew
from skdl._engine.compiled.initial_state import InitialState
from skdl._engine.compiled.kernels import (
    DROPOUTS,
    SMALL_BATCH,
    is_plain,
    is_plain_dense,
    same_masks_under_xla,
    same_products_in_any_number_of_threads,
    sparse_product,
)
from skdl._engine.compiled.layer_inputs import call_by_inputs
from skdl._engine.compiled.layer_outputs import output_shapes
from skdl._engine.compiled.names import described, stable_names
from skdl._engine.compiled.numbers import numbers_as_inputs
from skdl._engine.compiled.optimizers import decay_by_one_number, fuse_adam, sum_gradients
from skdl._engine.compiled.pace import Pace
from skdl._engine.compiled.program import Program, trace
from skdl._engine.compiled.program_store import ProgramStore
from skdl._engine.compiled.receptive_field import only_seen_pixels
from skdl._engine.compiled.store import templates
from skdl._engine.compiled.training_step import forgetting_gradients, tracing_training_step
from skdl._engine.device import on_gpu, outside_strategies
from skdl._engine.device_rows import DeviceRows, signature_of, sparse_batch, spec_of
from skdl._engine.inputs import Inputs
from skdl._networks.configuration import NetworkConfig, build_metrics
from skdl._networks.found_layers import is_convolution
from skdl._networks.keras import keras
from skdl._networks.numbers import Number
from skdl._networks.settings import own_settings
from skdl._networks.units import units_of
from skdl._networks.variables import flat_layers, state_of

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

# Products of a multiple of eight rows give each row the same bits as alone.
ROW_MULTIPLE = 8
# Rows of one forward pass are chosen so that the outputs of all layers stay below this.
_CHUNK_BYTES = 64 * 2**20
# Between so many columns or units and so few, XLA is slow where a batch has many rows.
_MANY_COLUMNS, _FEW_UNITS = 1024, 64
# Configurations whose rates and penalties are remembered.
_MAX_NUMBERS = 256
# Rows of a forward pass where the sizes of layers are not known.
_UNKNOWN_ROWS = 256


class Template:
    """A compiled network that stands for all networks of its configuration."""

    may_loop = True  # whether its programs can train; if not, they only predict

    @own_settings()
    def __init__(
        self,
        model: keras.Model,
        sparse: bool,
        target_shape: tuple[int, ...] = (),
        inputs: Inputs | None = None,
        as_it_is: bool = False,
        numbers: Sequence[Number] = (),
        key: Hashable = None,
    ):
        self.model, self.sparse, self._target_shape = model, sparse, target_shape
        self.inputs = inputs or Inputs.of(model)
        self.layers = list(flat_layers(self.model))
        self.variables = state_of(self.model)
        self.n_weights = len(self.model.variables)
        self.n_saved = len(self.variables) - len(self.model.metrics_variables)
        self.traits = described(self.layers), [(v.shape, v.dtype) for v in self.variables]
        self._initial = InitialState(self.model, self.layers, self.variables)
        self.n_bytes = self._initial.n_bytes
        self._programs = ProgramStore(key)
        self._numbers: OrderedDict[Hashable, list[float]] = OrderedDict()
        self.numbers = [numbers_as_inputs([*numbers])] if numbers else []
        self.predicts_by_numbers = any(n.in_outputs for n in numbers)
        self._steps: dict[Hashable, Callable] = {}
        self._in_chunks: bool | None = None
        self.paces: dict[Hashable, Pace] = defaultdict(Pace)
        self.for_xla = not sparse and not as_it_is and self._is_for_xla()
        self.narrows = self._narrows()
        self._by_row = self.for_xla and is_row_by_row(model)
        if as_it_is:  # a network that somebody uses
            return
        if sparse:
            first = next(layer for layer in self._parts() if is_plain(layer, keras.layers.Dense))
            first.call = sparse_product(first)
        for layer in self._parts():
            if (own_call := call_by_inputs(layer)) is not None:
                layer.call = own_call
            elif any(is_plain(layer, each) for each in DROPOUTS):
                layer.call = same_masks_under_xla(layer, in_pairs=self.for_xla)
            elif not on_gpu() and is_plain_convolution(layer):
                layer.call = same_gradient_in_any_number_of_threads(layer)
            elif not on_gpu() and self.for_xla and is_plain_dense(layer):
                layer.call = same_products_in_any_number_of_threads(layer)
        self.model.optimizer.name = "optimizer"  # in every process; Keras's has a number
        fuse_adam(self.model.optimizer)
        decay_by_one_number(self.model.optimizer)
        sum_gradients(self.model.optimizer)

    def _parts(self) -> list[keras.Layer]:
        """Return all layers, those that layers are made of among them."""
        parts = self.model._flatten_layers(include_self=False)
        return [layer for layer in parts if not isinstance(layer, keras.Model)]

    def _is_for_xla(self) -> bool:
        """Tell whether XLA computes this network on this device, fast and as a graph does."""
        parts = self._parts()
        if not all(layer.supports_jit for layer in parts):
            return False
        if not on_gpu() and any(map(is_convolution, parts)):
            return False  # XLA's convolutions on the CPU are many times slower
        return all(map(_draws_the_same_under_xla, parts))

    def _narrows(self) -> bool:
        """Tell whether a dense layer leads from many columns or units to few, on a CPU."""
        dense = [layer for layer in self._parts() if is_plain_dense(layer) and layer.built]
        kernels = [layer.kernel.shape for layer in dense]  # a layer never called has none
        narrow = any(rows >= _MANY_COLUMNS and units <= _FEW_UNITS for rows, units in kernels)
        return narrow and not on_gpu()

    @own_settings()
    def initial_state(
        self, seed: int, learning_rate: float | None, given: dict[int, np.ndarray] | None = None
    ) -> list[np.ndarray]:
        """Return the initial values of all variables: those given by position, else by `seed`."""
        return self._initial.with_rate(self._initial.drawn(seed, given or {}), learning_rate)

    def initial_metrics(self, units: Any = None) -> list[np.ndarray]:
        """Return the variables of loss and metrics before the first batch, and given units."""
        values = self._initial.values
        if units is not None:
            holder: Any = units_of(self.model)
            pairs = zip((holder.offset, holder.scale), units, strict=True)
            values = self._initial.with_values(pairs)
        return values[self.n_saved :]

    def with_rate(self, values: list[np.ndarray], rate: float | None) -> list[np.ndarray]:
        """Return the values of a state with another learning rate, None leaving it."""
        return self._initial.with_rate(values, rate)

    def numbers_of(self, config: NetworkConfig) -> list[np.ndarray]:
        """Return what a configuration has in the place of `numbers`."""
        if not self.numbers:
            return []
        key = config.numbers_key
        with lock:
            if key not in self._numbers:
                self.learn_numbers(config, config.numbers())
            return [np.array(self._numbers[key])]

    def learn_numbers(self, config: NetworkConfig, values: list[float]) -> None:
        """Remember what a configuration has in the place of `numbers`."""
        self._numbers[config.numbers_key] = values
        while len(self._numbers) > _MAX_NUMBERS:
            self._numbers.popitem(last=False)

    @cached_property
    def specs_of_results(self) -> dict[str, Any]:
        """Shapes and dtypes of loss and metrics, by names in the order of Keras's history."""
        return specs_of_results(self.model)

    @cached_property
    def measures_means(self) -> bool:
        """Whether loss and metrics have the bits of a graph where XLA computes them."""
        return measures_means(self.model)

    @property
    def chunk_rows(self) -> int:
        """Rows of one forward pass, by the memory that the layers' outputs take."""
        shapes = list(output_shapes(self.model))
        if not shapes:
            return _UNKNOWN_ROWS
        if not self.sparse:
            shapes += self.inputs.shapes
        floats = sum(int(np.prod([size or 1 for size in shape[1:]])) for shape in shapes)
        rows = _CHUNK_BYTES // (4 * max(floats, 1))
        return int(np.clip(rows // ROW_MULTIPLE * ROW_MULTIPLE, ROW_MULTIPLE, 8192))

    def evaluation_rows(self, batch_size: int) -> int:
        """Return the number of rows that are validated on at a time.

        It is that of a batch where the loss or a metric may depend on it.
        """
        return self.chunk_rows if self._is_mean_of_rows else batch_size

    @property
    def _is_mean_of_rows(self) -> bool:
        with lock:
            if self._in_chunks is None:
                known = hasattr(self.model, "output_shape")  # not that of a class of its own
                self._in_chunks = known and is_mean_of_rows(self.model, self._target_shape)
        return self._in_chunks

    @property
    def fills(self) -> bool:
        """Whether XLA may train a last, smaller batch as a full one, by rows without weight."""
        return self._by_row and self._is_mean_of_rows

    def epochs(
        self,
        rows: DeviceRows,
        batch_size: int | None = None,
        rest: bool = False,
        filled: bool = False,
        held_out: DeviceRows | None = None,
        keeps_weights: bool = False,
    ) -> Program:
        """Return the program of epochs: with a batch size, XLA's over full batches.

        `rest` tells that a last, smaller batch follows the last of those, `filled` that it is one
        of them, see `fills`, `held_out` that each epoch ends with an evaluation on rows like these,
        and `keeps_weights` that the weights are returned.
        """
        size = rows.size if batch_size is not None else None
        validated = None if held_out is None else (held_out.signature, keeps_weights)
        key = "epochs", rest, validated, batch_size, filled, size, rows.signature

        def make(_):
            return epochs_function(self, rows, batch_size, rest, filled, held_out, keeps_weights)

        return self.kept_program(key, make)

    def xla_loop(self, rows: DeviceRows, batch_size: int, filled: bool) -> Callable:
        """Return what XLA compiles, once for the programs with a rest or validation and without."""
        key = "loop", batch_size, filled, rows.size, rows.signature
        return self._programs.get(key, lambda: xla_loop(self, rows, batch_size, filled))

    def batch(self, i, x, y, weight, n_rows, size):
        """Return the i-th batch of rows that are in order, in a graph."""
        start, stop = i * size, tf.minimum((i + 1) * size, n_rows)
        y, weight = y[start:stop], weight[start:stop]
        return self.rows(i, x, start, stop), self.targets(y, weight), weight

    def rows(self, i, x, start, stop):
        """Return rows `start` to `stop`, the i-th batch, as the network takes them."""
        if self.sparse:
            return sparse_batch(i, x, start, stop, self.model.input_shape[-1])
        return self.inputs.of_rows([each[start:stop] for each in x])

    def targets(self, y, weight):
        """Return targets as loss and metrics take them, columns where these are of classes."""
        if y.shape.rank != len(self._target_shape):
            return y
        return tf.one_hot(tf.cast(y, tf.int32), self._target_shape[-1], dtype=weight.dtype)

    def train_step(
        self, rows: DeviceRows, batch_size: int | None, filled: bool = False
    ) -> Callable:
        """Return the model's own `train_step`, traced once for programs of dense rows of one form.

        Programs of large batches of one size have a trace of their own. That of filled batches
        also takes how many rows of a batch are no filling.
        """
        train_step = forgetting_gradients(self.model.train_step)
        if self.sparse:
            return train_step
        large = batch_size is not None and batch_size > SMALL_BATCH
        key = filled, rows.signature
        if not large and key in self._steps:
            return self._steps[key]
        n_rows = batch_size if large else None
        specs: tuple[Any, ...] = self.inputs.specs(n_rows), *rows.specs(n_rows)[-2:]
        if filled:
            train_step = filled_step(self.model, train_step)
            specs = *specs, tf.TensorSpec([], tf.int32)

        def train(x, y, weight, *n_real):
            with only_seen_pixels(self.model), tracing_training_step():
                train_step((x, self.targets(y, weight), weight), *n_real)

        with stable_names("step", self.traits, n_rows, specs):
            traced = tf.function(train, autograph=False).get_concrete_function(*specs)

        def step(batch, *n_real):
            traced(*batch, *n_real)

        if not large:
            self._steps[key] = step
        return step

    def evaluation(self, rows: DeviceRows) -> Program:
        """Return the program of loss and metrics over validation rows."""

        def make(model):
            loop = evaluation_loop(self)

            def evaluate(*inputs):
                *data, n_rows, size, first, last, reset = inputs
                tf.cond(reset, lambda: done(model.reset_metrics()), lambda: done(None))
                loop(data, n_rows, size, first, last)
                return model.get_metrics_result()

            return evaluate, [*rows.specs(None), *COUNTS]

        return self.kept_program(("evaluation", rows.signature), make)

    def forward(self, x: list[tf.Tensor], layer: int | None = None) -> Program:
        """Return the program of the forward pass, as far as the layer at a position if given."""

        def make(model):
            if layer is not None:
                model = keras.Model(model.inputs, self.layers[layer].output)

            def forward(*inputs):
                *x, n_rows = inputs
                with only_seen_pixels(model):
                    return model(self.rows(0, x, 0, n_rows), training=False)

            return forgetting_gradients(forward), [
                *(spec_of(None, t) for t in x),
                tf.TensorSpec([], tf.int32),
            ]

        return self.kept_program(("forward", signature_of(x), layer), make)

    def kept_program(self, key: Hashable, make: Callable) -> Program:
        """Return the program of a key; `make` is given the network where it is not known."""
        variables = [*self.variables, *self.numbers]

        def traced():
            function, signature = make(self.model)
            return trace(function, signature, variables)

        return self._programs.program(key, variables, traced)

    def forget_programs(self) -> None:
        """Have programs traced anew, those of a step as well, under new names."""
        with lock:
            name_anew()
            self._programs.clear()
            self._steps.clear()


def template_of(config: NetworkConfig, target_shape: tuple[int, ...], sparse: bool) -> Template:
    """Return the template of a configuration, from the store or made now."""
    key = config.key, target_shape, sparse

    def make():
        model = config.compile(seed=0, **({"sparse": True} if sparse else {}))
        build_metrics(model, np.zeros((1, *target_shape)))
        numbers = config.numbers_of(model)
        values = [number.value for number in numbers]  # before they become inputs
        template = Template(model, sparse, target_shape, numbers=numbers, key=key)
        template.learn_numbers(config, values)
        return template

    return templates.get(key, lambda: outside_strategies(make))


def _draws_the_same_under_xla(layer: keras.Layer) -> bool:
    """Tell whether a layer's random numbers are those of a graph; Keras leaves it to TensorFlow."""
    if is_plain(layer, keras.layers.Dropout):
        return layer.compute_dtype == "float32"
    if ".preprocessing." in type(layer).__module__:  # draws for images, as it always has
        return True
    return not any(isinstance(v, keras.random.SeedGenerator) for v in vars(layer).values())
