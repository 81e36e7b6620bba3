"""The epochs of a fit, by whichever program, and what is called between them."""

from __future__ import annotations

import contextlib
import math
import warnings
from typing import Any

import numpy as np

from skdl._common.counts import counted
from skdl._common.interrupts import interrupts_as_raised, interrupts_held
from skdl._common.memory import is_own
from skdl._common.seeds import row_order
from skdl._common.sparse_rows import SparseRows
from skdl._engine import device
from skdl._engine.batches import errors_as_raised
from skdl._engine.callbacks import needs_batches
from skdl._engine.compiled import programs
from skdl._engine.compiled.optimizers import gradients_are_sums
from skdl._engine.settings import tensorflow_settings
from skdl._networks.keras import keras
from skdl.exceptions import NonFiniteLossError


class Fit:
    """One call of `Network.train`."""

    tasks = checkpoint = None

    def __init__(self, network, rows, validation, epochs, batch_size, shuffle, progress):
        if batch_size < 1:  # scikit-learn does not check parameters again in `partial_fit`
            raise ValueError(f"batch_size must be at least 1, received batch_size={batch_size!r}.")
        self.network, self.rows, self.validation = network, rows, validation
        self.epochs, self.batch_size, self.shuffle = epochs, batch_size, shuffle
        self.first, self.progress = network.n_epochs, progress
        self.coming = range(self.first, self.first + epochs)
        self._unrecorded = None

    def run(self, stopper, callbacks):
        with self.network.distributed(), tensorflow_settings.held():
            self._run(stopper, callbacks)

    def _run(self, stopper, callbacks):
        network = self.network
        network.stop_training = False
        try:
            with interrupts_as_raised():
                network.program = self._choose_program(callbacks)
                stopped = self.checkpoint is not None and self.checkpoint.begin(network)
                done = network.n_epochs - self.first
                self.coming = self.coming[self.epochs if stopped else done :]
                self.progress.begin(network.program, self.epochs, len(self.rows), done)
                hooks = self._hooks(stopper, callbacks)
                if network.program == "keras":
                    self._run_keras(hooks)
                else:
                    self._run_compiled(hooks, stopper)
        except KeyboardInterrupt as interrupt:
            self._record_again()
            if stopper is not None:
                stopper.on_train_end()  # back to the best epoch; Keras calls no other callback
            interrupt.add_note(
                f"Training was interrupted after {counted(network.n_epochs, 'epoch')}."
            )
            raise
        finally:
            self.progress.end()

    def _choose_program(self, callbacks):
        """Return the program, from the network, the device and the work alone."""
        if (n_replicas := device.n_replicas()) > 1:
            self._divide_batches(n_replicas)
            return "keras"
        sparse = isinstance(self.rows.x, SparseRows)  # of which a part is copied at a time
        rows = [each for each in (self.rows, self.validation) if each is not None and not sparse]
        if any(map(needs_batches, callbacks)) or any(too_large(each.x) for each in rows):
            return "keras"
        if self.network.needs_keras:
            return "keras"
        self.template = self.network._template(sparse)
        if getattr(self.template.model.optimizer, "use_ema", False):
            return "keras"  # which puts averages in place of the weights at the end
        return programs.choose_program(self.template, len(self.rows), self.batch_size, self.epochs)

    def _divide_batches(self, n_replicas):
        """Make the batch size a multiple of the number of devices, which share each batch."""
        rounded = max(self.batch_size // n_replicas, 1) * n_replicas
        if rounded != self.batch_size:
            warnings.warn(
                f"batch_size={self.batch_size} was rounded to {rounded}, so that the {n_replicas} "
                "devices of the strategy have equal shares of it.",
                UserWarning,
                stacklevel=6,
            )
            self.batch_size = rounded

    def _hooks(self, stopper, callbacks):
        """Return one callback list; the stopper works on the state, others on the model."""
        network = self.network
        parameters = {
            "verbose": 0,
            "epochs": self.first + self.epochs,
            "steps": -(-len(self.rows) // self.batch_size),
        }
        by_keras = network.program == "keras"
        hooks = keras.callbacks.CallbackList(callbacks or None, by_keras, **parameters)
        if callbacks or by_keras:
            network.model.stop_training = False
            hooks.set_model(network.model)
        if stopper is not None:
            stopper.set_model(network)
            hooks.callbacks.insert(0, stopper)  # it has seen an epoch that a callback interrupts
        recorder = _Recorder(self, list(hooks.callbacks))
        recorder.set_model(network.model if by_keras else None)
        hooks.callbacks.append(recorder)
        return hooks

    def _stopped(self):
        network = self.network
        return network.stop_training or (
            network._model is not None and network._model.stop_training
        )

    def _run_compiled(self, hooks, stopper):
        network = self.network
        arrays = self.rows.x, self.rows.y, self.rows.weight
        compiled = programs.Epochs(
            self.template, network.inputs(), network.program, arrays, self.batch_size,
            lambda epoch: row_order(network.seed, epoch, len(self.rows), self.shuffle),
            self.coming.stop, self.progress.within,
        )  # fmt: skip
        with contextlib.closing(compiled):
            try:
                self._run_epochs(compiled, hooks, stopper)
            finally:
                network.program = compiled.program

    def _run_epochs(self, compiled, hooks, stopper):
        held_out, logs = self.validation, None
        if held_out is not None:
            held_out = compiled.validation_rows(held_out.x, held_out.y, held_out.weight)
        hooks.on_train_begin()
        if held_out is None and self._unseen(hooks, None):
            logs = self._run_unseen(compiled)
        else:
            start = self.coming.start
            if held_out is not None and self._unseen(hooks, stopper):
                start, logs = self._run_validated(compiled, held_out, stopper)
            for epoch in range(start, self.coming.stop):
                if self._stopped():
                    break
                hooks.on_epoch_begin(epoch)
                (logs,) = compiled.run(epoch)
                if held_out is not None:
                    hooks.on_test_begin()
                    measured = compiled.evaluate(held_out)
                    hooks.on_test_end(measured)
                    logs |= {f"val_{name}": value for name, value in measured.items()}
                self._ended(epoch, logs)
                hooks.on_epoch_end(epoch, logs)
        hooks.on_train_end(logs)

    def _unseen(self, hooks, stopper):
        """Tell whether nobody else looks at the network between two epochs, nor at the progress."""
        alone = len(hooks.callbacks) == (1 if stopper is None else 2)
        alone = alone and self.tasks is None and self.checkpoint is None
        return alone and self.progress.is_silent

    def _run_validated(self, compiled, held_out, stopper):
        """Train with many epochs in a call, and an evaluation after each.

        Early stopping then looks at the epochs one by one, with the weights that each ended with.
        It cannot stop sooner than after as many epochs as its patience lasts, so no epoch is
        trained in vain. Returned are the epoch from which on this is no longer the way, and the
        logs of the last.
        """
        epoch, logs, network = self.coming.start, None, self.network
        while epoch < self.coming.stop and not self._stopped():
            n_epochs = self.coming.stop - epoch
            if stopper is not None:
                n_epochs = min(n_epochs, max(stopper.patience - stopper.wait, 1))
            n_epochs = compiled.n_validated(held_out, n_epochs)
            if n_epochs == 0:
                break
            with interrupts_held():  # so that the history is that of the weights
                found, weights = compiled.run_validated(
                    epoch, n_epochs, held_out, keeps_weights=stopper is not None
                )
                for i, logs in enumerate(found):
                    self._ended(epoch, logs)
                    if stopper is not None:
                        stopper.set_model(_After(network, [each[i] for each in weights]))
                        stopper.on_epoch_end(epoch, logs)
                        stopper.set_model(network)
                    self._record()
                    epoch += 1
        return epoch, logs

    def _run_unseen(self, compiled):
        """Train with as many epochs in a call of the program as may be."""
        epoch, logs = self.coming.start, None
        while epoch < self.coming.stop:
            with interrupts_held():  # so that the history is that of the weights
                for logs in compiled.run(epoch, self.coming.stop - epoch):
                    self._ended(epoch, logs)
                    self._record()
                    epoch += 1
        return logs

    def _run_keras(self, hooks):
        """Train by `Model.fit` on the same rows in the same order."""
        network, fit = self.network, self
        data = self.rows.batches(network.seed, self.batch_size, self.shuffle)

        class First(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                data.begin_epoch(epoch)

            def on_train_batch_end(self, batch, logs=None):
                fit.progress.within((batch + 1) / len(data))

            def on_epoch_end(self, epoch, logs=None):
                fit._ended(epoch, logs)

        first = First()
        first.set_model(network.model)
        hooks.callbacks.insert(0, first)
        held_out = self.validation
        if held_out is not None:
            held_out = held_out.batches(network.seed, self.batch_size, shuffle=False)
        with (
            programs.no_retracing_messages(),
            gradients_are_sums(network.model),
            errors_as_raised(data, held_out),
        ):
            network.model.fit(
                data,
                epochs=network.n_epochs + len(self.coming),
                initial_epoch=network.n_epochs,
                validation_data=held_out,
                callbacks=hooks,
                shuffle=False,
                verbose=0,
            )

    def _ended(self, epoch, logs):
        """Note an epoch that ended; callbacks may still add to its logs."""
        for name in ("loss", "val_loss"):
            if not math.isfinite(logs.get(name, 0.0)):
                what = "the loss" if name == "loss" else "the validation loss"
                raise not_finite(what, epoch + 1)
        self._unrecorded = epoch, logs

    def _record(self):
        """Put the epoch that ended last in the history, one value per epoch in every list."""
        if self._unrecorded is None:
            return
        epoch, logs = self._unrecorded
        history = self.network.history
        for name in {**history, **logs}:
            values = history.setdefault(name, [math.nan] * epoch)
            value = logs.get(name, math.nan)
            values.append(value.tolist() if isinstance(value, np.number | np.ndarray) else value)
        self._unrecorded = None
        self.progress.epoch(epoch + 1, logs)

    def _record_again(self):
        """Record an epoch that ended, of which an interrupt may have left a part."""
        if self._unrecorded is not None:
            for values in self.network.history.values():
                del values[self._unrecorded[0] :]
            self._record()


class _After:
    """What early stopping asks of a network: as it was after an epoch that is over."""

    def __init__(self, network: Any, weights: list[np.ndarray]):
        self._network, self._weights = network, weights

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights after that epoch."""
        return [weights.copy() for weights in self._weights]

    @property
    def stop_training(self) -> bool:
        """Whether training ends."""
        return self._network.stop_training

    @stop_training.setter
    def stop_training(self, stop: bool) -> None:
        self._network.stop_training = stop


class _Recorder(keras.callbacks.Callback):
    """Comes last, to see what other callbacks put in the logs, such as the learning rate.

    Tasks are told of every epoch after it was recorded, and may ask to stop; then the checkpoint
    is written, with what the other callbacks have come to.
    """

    def __init__(self, fit: Fit, callbacks: list[keras.callbacks.Callback]):
        super().__init__()
        self._fit, self._callbacks = fit, callbacks

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self._fit.checkpoint is not None:
            self._fit.checkpoint.begin_callbacks(self._callbacks)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._fit.tasks is not None:
            self._fit.tasks.begin_epoch()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        fit = self._fit
        fit._ended(epoch, logs)
        fit._record()
        if fit.tasks is not None and fit.tasks.end_epoch():
            fit.network.stop_training = True
        if fit.checkpoint is not None:
            fit.checkpoint.end_epoch(fit._stopped())
        if self._model is not None:
            self._model.stop_training = fit._stopped()


def not_finite(what: str, epoch: int) -> NonFiniteLossError:
    return NonFiniteLossError(
        f"Training ended in epoch {epoch}: {what} became NaN or infinite. Likely cures: scale the "
        "inputs (and a regressor's targets), for instance with StandardScaler or "
        "TransformedTargetRegressor, or set a smaller learning_rate."
    )


def too_large(x: Any) -> bool:
    """Tell whether a copy of x should not be held: of files, or beyond a quarter of the memory.

    Rows in memory of our own are not copied.
    """
    if getattr(x, "lazy", False):
        return True
    if is_own(x):
        return False
    return x.nbytes > device.memory_bytes() / 4
