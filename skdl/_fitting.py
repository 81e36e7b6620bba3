"""A network being trained: its state, its epochs and what is called between them."""

from __future__ import annotations

import contextlib
import math
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from skdl import _training
from skdl._callbacks import needs_batches
from skdl._keras import NetworkConfig, build_metrics, keras
from skdl._seeds import row_order
from skdl._store import lock
from skdl._variables import state_of
from skdl.exceptions import NonFiniteLossError, TrainingInterruptedWarning


@dataclass
class Rows:
    """Inputs, targets as the network sees them, and weights."""

    x: Any
    y: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


class Network:
    """The state of one network: arrays, device variables, or a live Keras model.

    The Keras model is built when it is asked for; from then on its variables are the state.
    Pickles hold the configuration and arrays only.
    """

    def __init__(
        self, config: NetworkConfig, target_shape: tuple[int, ...], seed: int, sparse: bool = False
    ):
        self.config, self.target_shape, self.seed = config, target_shape, seed
        self.history: dict[str, list] = {}
        self.best_epoch: int | None = None
        self.program: str | None = None
        self.stop_training = False
        self._sparse = sparse
        template = self._template()
        self._n_saved = template.n_saved
        self._arrays = template.initial_state(seed, config.learning_rate)[: self._n_saved]
        self._variables = self._model = None
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            arrays = self._arrays
            if self._variables is not None:
                arrays = [variable.numpy() for variable in self._variables[: self._n_saved]]
        state = {**vars(self), "_arrays": arrays, "_variables": None, "_model": None}
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.RLock()

    def _template(self, sparse: bool | None = None) -> _training.Template:
        sparse = self._sparse if sparse is None else sparse
        return _training.template_of(self.config, self.target_shape, sparse)

    @property
    def n_epochs(self) -> int:
        """Epochs trained so far."""
        return len(self.history.get("loss", ()))

    @property
    def state(self) -> list[Any]:
        """The device variables: weights and seeds, optimizer, metrics."""
        with self._lock:
            if self._variables is None:
                values = self._arrays + self._template().initial_metrics
                self._variables, self._arrays = _training.new_variables(values), None
            return self._variables

    @property
    def model(self) -> keras.Model:
        """The Keras model, compiled; training and predicting go on in its variables."""
        with self._lock:
            if self._model is None:
                with lock:
                    model = self.config.compile(seed=self.seed)
                    build_metrics(model, np.zeros((1, *self.target_shape)))
                variables = state_of(model)
                for variable, value in zip(variables, self.state, strict=True):
                    variable.assign(value)
                self._variables = [variable.value for variable in variables]
                self._model = model
            return self._model

    def go_on_from(self, other: Network) -> bool:
        """Take over another network's state; False if the two are configured differently.

        Its learning rate, which callbacks may have changed, stays unless another is asked for.
        """
        if self.config.key != other.config.key or self.target_shape != other.target_shape:
            return False
        template, rate = self._template(), self.config.learning_rate
        rate = None if rate == other.config.learning_rate else rate
        saved = [variable.numpy() for variable in other.state[: self._n_saved]]
        self._arrays = template.with_rate(saved, rate)
        self.history = {name: list(values) for name, values in other.history.items()}
        self.best_epoch = other.best_epoch
        return True

    # What `keras.callbacks.EarlyStopping` asks of a model, without building one.

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the model's variables."""
        return [variable.numpy() for variable in self.state[: self._template().n_weights]]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set the model's variables."""
        for variable, value in zip(self.state, weights, strict=False):
            variable.assign(value)

    def predict(self, x: Any) -> np.ndarray:
        """Return the outputs for the rows of x."""
        return _training.predict(self._template(scipy.sparse.issparse(x)), self.state, x)

    def layer_outputs(self, x: Any, layer: int | str) -> np.ndarray:
        """Return the outputs of one layer: the n-th convolution, or a layer by its name."""
        return _training.predict(self._template(False), self.state, x, layer)

    def train(
        self,
        rows: Rows,
        validation: Rows | None,
        *,
        epochs: int,
        batch_size: int,
        shuffle: bool,
        stopper: keras.callbacks.Callback | None,
        callbacks: list[keras.callbacks.Callback],
        progress: Any,
    ) -> None:
        """Train for `epochs` epochs more, or until a callback or the user stops."""
        fit = _Fit(self, rows, validation, epochs, batch_size, shuffle, progress)
        fit.run(stopper, callbacks)
        if not all(np.isfinite(weights).all() for weights in self.get_weights()):
            raise _not_finite("a weight", self.n_epochs)
        self.best_epoch = self._find_best_epoch(fit.first if stopper is not None else 0)

    def _find_best_epoch(self, first):
        """Return the best epoch after the first so many, counted from 1, None if there is none.

        Early stopping returns to the best epoch of its own fit, so earlier ones do not count.
        """
        watched = np.array(self.history.get("val_loss", self.history.get("loss", [])))[first:]
        known = np.isfinite(watched)
        return first + int(np.argmin(np.where(known, watched, np.inf))) + 1 if known.any() else None


def _not_finite(what: str, epoch: int) -> NonFiniteLossError:
    return NonFiniteLossError(
        f"Training ended in epoch {epoch}: {what} became NaN or infinite. Likely cures: scale the "
        "inputs (and a regressor's targets), for instance with StandardScaler or "
        "TransformedTargetRegressor, or set a smaller learning_rate."
    )


class _Fit:
    """One call of `Network.train`."""

    def __init__(self, network, rows, validation, epochs, batch_size, shuffle, progress):
        self.network, self.rows, self.validation = network, rows, validation
        self.epochs, self.batch_size, self.shuffle = epochs, batch_size, shuffle
        self.first, self.progress = network.n_epochs, progress
        self._unrecorded = None

    def run(self, stopper, callbacks):
        network = self.network
        network.stop_training = False
        hooks = None
        try:
            network.program = self._choose_program(callbacks)
            self.progress.begin(network.program, self.epochs, len(self.rows))
            hooks = self._hooks(stopper, callbacks)
            if network.program == "keras":
                self._run_keras(hooks)
            else:
                self._run_compiled(hooks)
        except KeyboardInterrupt:
            self._record()
            warnings.warn(
                f"Training interrupted by the user after {network.n_epochs} epochs.",
                TrainingInterruptedWarning,
                stacklevel=5,
            )
            if hooks is not None:
                hooks.on_train_end()
        finally:
            self.progress.end()

    def _choose_program(self, callbacks):
        """Return the program, from the network, the device and the work alone."""
        if any(map(needs_batches, callbacks)) or _too_large(self.rows.x):
            return "keras"
        self.template = self.network._template(scipy.sparse.issparse(self.rows.x))
        if getattr(self.template.model.optimizer, "use_ema", False):
            return "keras"  # which puts averages in place of the weights at the end
        return _training.choose_program(self.template, len(self.rows), self.batch_size, self.epochs)

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
        recorder = _Recorder(self)
        recorder.set_model(network.model if by_keras else None)
        hooks.callbacks.append(recorder)
        return hooks

    def _stopped(self):
        network = self.network
        return network.stop_training or (
            network._model is not None and network._model.stop_training
        )

    def _run_compiled(self, hooks):
        network = self.network
        arrays = self.rows.x, self.rows.y, self.rows.weight
        compiled = _training.Epochs(
            self.template, network.state, network.program, arrays, self.batch_size,
            lambda epoch: row_order(network.seed, epoch, len(self.rows), self.shuffle),
        )  # fmt: skip
        with contextlib.closing(compiled):
            self._run_epochs(compiled, hooks)
        network.program = compiled.program

    def _run_epochs(self, compiled, hooks):
        held_out, logs = self.validation, None
        if held_out is not None:
            held_out = compiled.validation_rows(held_out.x, held_out.y, held_out.weight)
        hooks.on_train_begin()
        for epoch in range(self.first, self.first + self.epochs):
            hooks.on_epoch_begin(epoch)
            logs = compiled.run(epoch)
            if held_out is not None:
                hooks.on_test_begin()
                measured = compiled.evaluate(held_out)
                hooks.on_test_end(measured)
                logs |= {f"val_{name}": value for name, value in measured.items()}
            self._ended(epoch, logs)
            hooks.on_epoch_end(epoch, logs)
            if self._stopped():
                break
        hooks.on_train_end(logs)

    def _run_keras(self, hooks):
        """Train by `Model.fit` on the same rows in the same order."""
        network, fit = self.network, self
        data = BatchDataset(self.rows, network.seed, self.batch_size, self.shuffle)

        class First(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                data.begin_epoch(epoch)

            def on_epoch_end(self, epoch, logs=None):
                fit._ended(epoch, logs)

        first = First()
        first.set_model(network.model)
        hooks.callbacks.insert(0, first)
        held_out = self.validation
        if held_out is not None:
            held_out = (held_out.x, held_out.y, held_out.weight)
        with _training.no_retracing_messages():
            network.model.fit(
                data,
                epochs=self.first + self.epochs,
                initial_epoch=self.first,
                validation_data=held_out,
                validation_batch_size=self.batch_size,
                callbacks=hooks,
                shuffle=False,
                verbose=0,
            )

    def _ended(self, epoch, logs):
        """Note an epoch that ended; callbacks may still add to its logs."""
        for name in ("loss", "val_loss"):
            if not math.isfinite(logs.get(name, 0.0)):
                what = "the loss" if name == "loss" else "the validation loss"
                raise _not_finite(what, epoch + 1)
        self._unrecorded = epoch, logs

    def _record(self):
        """Put the epoch that ended last in the history, one value an epoch in every list."""
        if self._unrecorded is None:
            return
        (epoch, logs), self._unrecorded = self._unrecorded, None
        history = self.network.history
        for name in {**history, **logs}:
            values = history.setdefault(name, [math.nan] * epoch)
            value = logs.get(name, math.nan)
            values.append(float(value) if isinstance(value, np.number) else value)
        self.progress.epoch(epoch + 1, logs)


class _Recorder(keras.callbacks.Callback):
    """Comes last, to see what other callbacks put in the logs, such as the learning rate."""

    def __init__(self, fit: _Fit):
        super().__init__()
        self._fit = fit

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._fit._ended(epoch, logs)
        self._fit._record()
        if self._model is not None:
            self._model.stop_training = self._fit._stopped()


class BatchDataset(keras.utils.PyDataset):
    """The batches that the compiled epochs would see, for `Model.fit`."""

    def __init__(self, rows: Rows, seed: int, batch_size: int, shuffle: bool):
        super().__init__()
        self._rows, self._seed, self._batch_size = rows, seed, batch_size
        self._shuffle = shuffle
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Set the order of an epoch."""
        self._order = row_order(self._seed, epoch, len(self._rows), self._shuffle)

    def __len__(self) -> int:
        return -(-len(self._rows) // self._batch_size)

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        index = self._order[i * self._batch_size : (i + 1) * self._batch_size]
        x = self._rows.x[index]
        x = x.toarray() if scipy.sparse.issparse(x) else x
        return x, self._rows.y[index], self._rows.weight[index]


def _too_large(x: Any) -> bool:
    """Tell whether a copy of x should not be held: beyond a quarter of the memory."""
    n_bytes = x.data.nbytes + x.indices.nbytes if scipy.sparse.issparse(x) else x.nbytes
    return n_bytes > _training.memory_bytes() / 4
