"""Compiled training: whole epochs as one program over arrays held on the device.

Three programs can train:

- "xla": the loop over full batches, compiled by XLA for fixed shapes (rows are padded to a
  bucket, the number of steps is a value); a last, smaller batch is filled up by rows without
  weight, or runs in the graph program where the rows of a batch may depend on each other.
- "graph": the same loop as a TensorFlow graph of unknown shapes, with no XLA compile to pay.
- "keras": `Model.fit`, for what only it can do.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from skdl._common.memory import bucket
from skdl._common.sparse_rows import SparseRows
from skdl._engine.compiled.epoch_loop import (
    WEIGHTS,
    epochs_of_a_call,
    order_size,
)
from skdl._engine.compiled.kernels import SMALL_BATCH
from skdl._engine.compiled.sparse_parts import SparseParts, rows_of_a_part
from skdl._engine.compiled.stored import call_stored
from skdl._engine.compiled.template import ROW_MULTIPLE, Program, Template
from skdl._engine.device_rows import DeviceRows, dense_tensors, sparse_tensors
from skdl._engine.rows import OneHot
from skdl._engine.settings import tensorflow_settings

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

# Fewer training steps than this in a fit do not pay for a compile by XLA (0.5 to 1 s): from here
# on even small networks train sooner than by `Model.fit`, the compile counted.
XLA_MIN_STEPS = 350

# From so many rows of a batch on, XLA takes up to five times as long as a graph for the gradient of
# a kernel that leads from many columns to few units. With fewer, its quicker steps make up for it.
_NARROWED_ROWS = 64

_XLA_ERRORS = tf.errors.InvalidArgumentError, tf.errors.UnimplementedError
# An epoch and its evaluation of so few steps are taken in one call at once.
_FEW_STEPS = 64
# Of the weights after each epoch that a call returns.
_WEIGHTS_BYTES = 2**24


def choose_program(template: Template, n_rows: int, batch_size: int, epochs: int) -> str:
    """Return "xla" or "graph", from the network, the device and the amount of work alone."""
    enough = n_rows // batch_size * epochs >= XLA_MIN_STEPS
    slow = batch_size >= _NARROWED_ROWS and template.narrows
    return "xla" if enough and template.for_xla and not slow else "graph"


class Epochs:
    """The compiled epochs of one fit: a program, the rows and the state it works on.

    `orders` gives the order of the rows for a number of an epoch, `stop` is the number after the
    last, and `report` is told which share of an epoch's steps is done.
    """

    def __init__(
        self,
        template: Template,
        state: list[tf.Variable],
        program: str,
        arrays: tuple[Any, np.ndarray, np.ndarray],
        batch_size: int,
        orders: Callable[[int], np.ndarray],
        stop: int,
        report: Callable[[float], None],
    ):
        self._report, self._stop = report, stop
        self.template, self.state, self.program = template, state, program
        self._arrays, self._batch_size, self._orders = arrays, batch_size, orders
        self._parts: Any = None
        self._held_out: Any = None  # parts of sparse rows to validate on
        if template.sparse:
            self._parts = SparseParts(arrays, batch_size, orders, stop)
        else:
            n_rows = len(arrays[1])
            # A large batch of which little would count takes longer than the few rows in a graph.
            little = batch_size > SMALL_BATCH and 0 < n_rows % batch_size < batch_size / 4
            self._may_fill = template.fills and not little
            self._rows = DeviceRows(*arrays, bucket(n_rows) if program == "xla" else None)

    def close(self) -> None:
        """End the threads that prepare sparse rows."""
        for parts in (self._parts, self._held_out):
            if parts is not None:
                parts.close()

    def _orders_from(self, epoch: int, n_epochs: int) -> np.ndarray:
        """Return the orders of the rows in some epochs, one below the other."""
        size = order_size(self._rows, self._batch_size, self._filled)
        orders = np.zeros((n_epochs, size), np.int32)
        for i in range(n_epochs):
            orders[i, : self._rows.n_rows] = self._orders(epoch + i)
        return orders

    def run(self, epoch: int, n_epochs: int = 1) -> list[dict[str, Any]]:
        """Train from an epoch on and return loss and metrics of each that was trained.

        These are `n_epochs`, or so many of them as a call may take.
        """
        if self._parts is not None:
            return self._run_parts(epoch)
        size, n_rows, rows = self._batch_size, len(self._arrays[1]), self._rows
        if self.program == "xla" and n_rows < size:
            self.program = "graph"
        n_epochs = min(n_epochs, self._most_epochs)
        n_epochs = self.template.paces[self.program, size].whole(self._n_steps, n_epochs)
        inputs = [*rows.tensors, tf.constant(self._orders_from(epoch, n_epochs))]
        if self.program == "xla":
            try:
                return self._run_xla(rows, inputs, n_epochs)
            except _XLA_ERRORS as error:
                self._without_xla(error)
        program, logs = self.template.epochs(rows), []
        for first, last in self._spans(self._n_steps, size, "graph", n_epochs):
            logs = self._call(program, inputs, (n_rows, size, first, last))
            self._report(last / self._n_steps)
        return logs

    def _run_parts(self, epoch):
        """Train an epoch on sparse rows, part by part."""
        size, logs = self._batch_size, []
        for rows, begin, end in self._parts.of_epoch(epoch):
            inputs = [*rows.tensors, tf.zeros((1, 0), tf.int32)]
            program = self.template.epochs(rows)
            for first, last in self._spans(end - begin, size, "graph"):
                counts = rows.n_rows, size, first, last
                logs = self._call(program, inputs, counts, reset=begin + first == 0)
                self._report((begin + last) / self._parts.n_steps)
        return logs

    def n_validated(self, held_out: DeviceRows | SparseParts, n_epochs: int) -> int:
        """Return how many epochs a call takes that validates after each of them.

        None that would take long, or is not known to be short; then an epoch is several calls.
        """
        if self.template.sparse:
            return 0
        n_steps, n_held = self._steps(held_out)
        paces = self._validated_paces()
        short = n_steps + n_held <= _FEW_STEPS or (
            paces[0].is_whole(n_steps) and paces[1].is_whole(n_held)
        )
        if not short:
            return 0
        n_epochs = min(n_epochs, self._most_epochs)
        n_epochs = min(p.whole(n, n_epochs) for p, n in zip(paces, (n_steps, n_held), strict=True))
        return min(n_epochs, max(_WEIGHTS_BYTES // max(self.template.n_bytes, 1), 1))

    def run_validated(
        self, epoch: int, n_epochs: int, held_out: DeviceRows, keeps_weights: bool
    ) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
        """Train epochs and return what was measured in each, and after each on rows held out.

        Also returned are the weights after each epoch, as one array for each variable, if they are
        to be kept.
        """
        size, n_rows, rows = self._batch_size, len(self._arrays[1]), self._rows
        (n_steps, n_held), xla = self._steps(held_out), self.program == "xla"
        orders = self._orders_from(epoch, n_epochs)
        full = size if xla else None
        last = self._rest, self._filled
        program_of = partial(self.template.epochs, rows, full, *last, held_out, keeps_weights)
        inputs = *rows.tensors, *held_out.tensors, tf.constant(orders)
        evaluated = _ints(held_out.n_rows, self._evaluation_rows, n_held)
        counts = *_ints(n_rows, size, 0, n_steps), tf.constant(True)
        begun = time.monotonic()

        def call(program):
            return program(self.state, *inputs, *counts, *evaluated)

        try:
            found = call_stored(self.template, program_of, call) if xla else call(program_of())
        except _XLA_ERRORS as error:
            self._without_xla(error)
            return self.run_validated(epoch, n_epochs, held_out, keeps_weights)
        found = {name: values.numpy() for name, values in found.items()}
        for pace, n in zip(self._validated_paces(), (n_steps, n_held), strict=True):
            pace.learn(n * n_epochs, time.monotonic() - begun)
        weights = [values for name, values in found.items() if name.startswith(WEIGHTS)]
        names = [name for name in found if not name.startswith(WEIGHTS)]
        return [{n: found[n][i].tolist() for n in names} for i in range(n_epochs)], weights

    def _without_xla(self, error):
        """Go on without XLA, which lacks an operation of this network; nothing has run yet."""
        if self.program != "xla" or "compil" not in str(error).lower():
            raise error
        self.template.for_xla, self.program = False, "graph"

    def _steps(self, held_out):
        """Return the steps of an epoch, and those of an evaluation."""
        return self._n_steps, -(-held_out.n_rows // self._evaluation_rows)

    @property
    def _n_steps(self):
        """Steps of an epoch, without that of a `_rest`."""
        n_rows, size = len(self._arrays[1]), self._batch_size
        return n_rows // size if self._rest else -(-n_rows // size)

    @property
    def _filled(self):
        """Whether a last, smaller batch is filled up to be one of XLA's."""
        return self.program == "xla" and self._may_fill

    @property
    def _most_epochs(self):
        """How many epochs a call takes at most."""
        of_rows = self._rows, self._batch_size, self._filled
        return epochs_of_a_call(self.template, *of_rows) or self._stop

    @property
    def _rest(self):
        """Whether a last, smaller batch follows those of XLA."""
        smaller = len(self._arrays[1]) % self._batch_size > 0
        return smaller and self.program == "xla" and not self._filled

    def _validated_paces(self):
        paces = self.template.paces
        return paces[self.program, self._batch_size], paces["evaluation", self._evaluation_rows]

    def _run_xla(self, rows, inputs, n_epochs):
        """Train epochs whose batches XLA trains; the last call trains a rest as well."""
        size, n_rows, logs = self._batch_size, rows.n_rows, []
        for first, last in self._spans(self._n_steps, size, "xla", n_epochs):
            program_of = partial(self.template.epochs, rows, size, self._rest, self._filled)
            call = partial(self._call, inputs=inputs, counts=(n_rows, size, first, last))
            logs = call_stored(self.template, program_of, call)
            self._report(last / self._n_steps)
        return logs

    def _spans(self, n_steps: int, size: int, program: str, n_epochs: int = 1) -> Any:
        return self.template.paces[program, size].spans(n_steps, n_epochs)

    def _call(
        self,
        program: Program,
        inputs: list[tf.Tensor],
        counts: tuple[int, ...],
        reset: bool | None = None,
    ) -> Any:
        """Return loss and metrics; `counts` end in the first step and the one after the last.

        Sums begin at zero with the first step, unless it is told otherwise.
        """
        reset = counts[2] == 0 if reset is None else reset
        found = program(self.state, *inputs, *_ints(*counts), tf.constant(reset))
        found = {name: values.numpy().tolist() for name, values in found.items()}
        # One for each epoch, also of a network that measures nothing.
        n_epochs = inputs[-1].shape[0]
        return [{name: values[i] for name, values in found.items()} for i in range(n_epochs)]

    def validation_rows(
        self, x: Any, y: np.ndarray | OneHot, weight: np.ndarray
    ) -> DeviceRows | SparseParts:
        """Return validation rows on the device, or sparse ones that are there part by part."""
        if not self.template.sparse:
            return DeviceRows(x, y, weight)
        if rows_of_a_part(x) >= len(x):
            return DeviceRows(x, y, weight, batch=self._evaluation_rows)
        self._held_out = SparseParts.in_order(x, y, weight, self._evaluation_rows)
        return self._held_out

    @property
    def _evaluation_rows(self) -> int:
        return self.template.evaluation_rows(self._batch_size)

    def evaluate(self, held_out: DeviceRows | SparseParts) -> dict[str, Any]:
        """Return loss and metrics over validation rows."""
        size, logs = self._evaluation_rows, {}
        if isinstance(held_out, SparseParts):
            parts: Iterable = held_out.of_epoch(0)
        else:
            parts = [(held_out, 0, -(-held_out.n_rows // size))]
        for rows, begin, end in parts:
            program = self.template.evaluation(rows)
            for first, last in self._spans(end - begin, size, "evaluation"):
                counts, reset = (rows.n_rows, size, first, last), tf.constant(begin + first == 0)
                logs = program(self.state, *rows.tensors, *_ints(*counts), reset)
        return {name: value.numpy().tolist() for name, value in logs.items()}


@tensorflow_settings.held()
def predict(
    template: Template,
    state: list[tf.Variable],
    x: Any,
    layer: int | None = None,
    size: int | None = None,
    each: Callable | None = None,
) -> np.ndarray:
    """Return the outputs of the network, or of one layer, for the rows of x, `size` at a time.

    If there is a function `each`, return what it makes of the outputs for these rows.
    """
    outputs: Any = None
    for rows, tensors, n_rows in padded_chunks(template, x, size):
        found = template.forward(tensors, layer)(state, *tensors, *_ints(n_rows))
        found = found.numpy()[: rows.stop - rows.start]
        found = found if each is None else each(found)
        if len(found) == x.shape[0]:
            return found
        if outputs is None:
            outputs = np.empty((x.shape[0], *found.shape[1:]), found.dtype)
        outputs[rows] = found
    return outputs


def padded_chunks(
    template: Template, x: Any, size: int | None = None
) -> Iterator[tuple[slice, list[tf.Tensor], int]]:
    """Yield which rows come next, their tensors, and how many rows these have, with some of zeros.

    They are as many at a time as is asked for, or as the network's layers take of memory; of sparse
    rows with many values fewer.
    """
    size = size or template.chunk_rows
    sparse = isinstance(x, SparseRows)
    if sparse:
        size = min(size, max(rows_of_a_part(x) // ROW_MULTIPLE, 1) * ROW_MULTIPLE)
    for start in range(0, x.shape[0], size):
        stop = min(start + size, x.shape[0])
        n_rows = -(-(stop - start) // ROW_MULTIPLE) * ROW_MULTIPLE
        if sparse:
            tensors = sparse_tensors(x, n_rows, np.arange(start, stop))
        else:
            tensors = dense_tensors(x[start:stop], n_rows)
        yield slice(start, stop), tensors, n_rows


def _ints(*values: int) -> list[tf.Tensor]:
    return [tf.constant(value, tf.int32) for value in values]


@contextlib.contextmanager
def no_retracing_messages() -> Iterator[None]:
    """Hold back TensorFlow's warning that functions are traced anew, which fits are bound to."""

    def keep(record):
        return "retracing" not in record.getMessage()

    logger = tf.get_logger()
    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)
