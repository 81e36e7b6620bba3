"""Compiled training: whole epochs as one program over arrays held on the device.

Three programs can train:

- "xla": the loop over full batches, compiled by XLA for fixed shapes (rows are padded to a
  bucket, the number of steps is a value); a last, smaller batch runs in the graph program.
- "graph": the same loop as a TensorFlow graph of unknown shapes, with no XLA compile to pay.
- "keras": `Model.fit`, for what only it can do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.sparse

from skdl._engine.compiled.template import ROW_MULTIPLE, Program, Template
from skdl._engine.device_rows import DeviceRows, bucket, dense_tensors, padded, sparse_tensors
from skdl._engine.settings import tensorflow_settings

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

# Fewer training steps than this in a fit do not pay for a compile by XLA (0.5 to 1 s): from here
# on even small networks train sooner than by `Model.fit`, the compile counted.
XLA_MIN_STEPS = 350


def choose_program(template: Template, n_rows: int, batch_size: int, epochs: int) -> str:
    """Return "xla" or "graph", from the network, the device and the amount of work alone."""
    enough = n_rows // batch_size * epochs >= XLA_MIN_STEPS
    return "xla" if enough and template.for_xla else "graph"


class Epochs:
    """The compiled epochs of one fit: a program, the rows and the state it works on.

    `orders` gives the order of the rows for a number of an epoch, and `report` is told which share
    of an epoch's steps is done.
    """

    def __init__(
        self,
        template: Template,
        state: list[tf.Variable],
        program: str,
        arrays: tuple[Any, np.ndarray, np.ndarray],
        batch_size: int,
        orders: Callable[[int], np.ndarray],
        report: Callable[[float], None],
    ):
        self._report = report
        self.template, self.state, self.program = template, state, program
        self._arrays, self._batch_size, self._orders = arrays, batch_size, orders
        self._worker: Any = None
        self._coming: Any = None
        if template.sparse:
            self._worker = ThreadPoolExecutor(1)
        else:
            n_rows = len(arrays[1])
            self._rows = DeviceRows(*arrays, bucket(n_rows) if program == "xla" else None)

    def close(self) -> None:
        """End the thread that prepares sparse rows."""
        if self._worker is not None:
            self._worker.shutdown(cancel_futures=True)

    def _in_order(self, epoch: int) -> DeviceRows:
        """Return sparse rows in the order of an epoch, and have those of the next prepared."""

        def prepare(epoch):
            return DeviceRows(*self._arrays, batch=self._batch_size, order=self._orders(epoch))

        rows = prepare(epoch) if self._coming is None else self._coming.result()
        self._coming = self._worker.submit(prepare, epoch + 1)
        return rows

    def run(self, epoch: int) -> dict[str, Any]:
        """Train one epoch and return its metrics."""
        if self.template.sparse:
            rows, order = self._in_order(epoch), tf.zeros([0], tf.int32)
        else:
            rows = self._rows
            order = padded(self._orders(epoch), rows.size)
        size, n_rows = self._batch_size, rows.n_rows
        n_steps, done, logs = -(-n_rows // size), 0, {}
        inputs = [*rows.tensors, order]
        if self.program == "xla":
            try:
                program, full = self.template.epoch(rows, size), n_rows // size
                for first, done in self._spans(full, size, "xla"):
                    logs = self._call(program, inputs, n_rows, size, first, done)
                    self._report(done / n_steps)
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
                if "compil" not in str(error).lower():
                    raise
                # XLA lacks an operation of this network; nothing has run yet.
                self.template.for_xla, self.program, done = False, "graph", 0
        if done < n_steps:
            program = self.template.epoch(rows)
            for first, last in self._spans(n_steps, size, "graph", done):
                logs = self._call(program, inputs, n_rows, size, first, last)
                self._report(last / n_steps)
        return logs

    def _spans(self, n_steps: int, size: int, program: str, first: int = 0) -> Any:
        return self.template.paces[program, size].spans(first, n_steps)

    def _call(self, program: Program, inputs: list[tf.Tensor], *counts: int) -> dict[str, Any]:
        """Return loss and metrics of the steps so far; `counts` end in the first and the last."""
        reset = tf.constant(counts[2] == 0)
        logs = program(self.state, *inputs, *_ints(*counts), reset)
        return {name: value.numpy().tolist() for name, value in logs.items()}

    def validation_rows(self, x: Any, y: np.ndarray, weight: np.ndarray) -> DeviceRows:
        """Return validation rows on the device."""
        batch = self._evaluation_rows if self.template.sparse else None
        return DeviceRows(x, y, weight, batch=batch)

    @property
    def _evaluation_rows(self) -> int:
        return self.template.evaluation_rows(self._batch_size)

    def evaluate(self, rows: DeviceRows) -> dict[str, Any]:
        """Return loss and metrics over validation rows."""
        size, program, logs = self._evaluation_rows, self.template.evaluation(rows), {}
        for first, last in self._spans(-(-rows.n_rows // size), size, "evaluation"):
            logs = self._call(program, rows.tensors, rows.n_rows, size, first, last)
        return logs


@tensorflow_settings.held()
def predict(
    template: Template,
    state: list[tf.Variable],
    x: Any,
    layer: int | str | None = None,
    size: int | None = None,
) -> np.ndarray:
    """Return the outputs of the network, or of one layer, for the rows of x, `size` at a time."""
    size, outputs = size or template.chunk_rows, []
    for start in range(0, x.shape[0], size):
        chunk = x[start : start + size]
        n_rows = -(-chunk.shape[0] // ROW_MULTIPLE) * ROW_MULTIPLE
        sparse = scipy.sparse.issparse(chunk)
        tensors = sparse_tensors(chunk, n_rows) if sparse else dense_tensors(chunk, n_rows)
        found = template.forward(tensors, layer)(state, *tensors, *_ints(n_rows))
        outputs.append(found.numpy()[: chunk.shape[0]])
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)


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
