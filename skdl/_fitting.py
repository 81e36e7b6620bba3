"""A network being trained: its state, its epochs and what is called between them."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from skdl import _training
from skdl._keras import NetworkConfig, keras, needs_batches
from skdl._seeds import row_order
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

    def __init__(self, config: NetworkConfig, target_shape: tuple[int, ...], seed: int):
        self.config, self.target_shape, self.seed = config, target_shape, seed
        self.history: dict[str, list] = {}
        self.program: str | None = None
        self.stop_training = False
        self._arrays = self._template().initial_state(seed, config.learning_rate)
        self._variables = self._model = None

    def __getstate__(self) -> dict[str, Any]:
        n_saved = self._template().n_saved
        arrays = self._arrays
        if self._variables is not None:
            arrays = [variable.numpy() for variable in self._variables]
        state = {**vars(self), "_variables": None, "_model": None}
        return state | {"_arrays": arrays[:n_saved]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def _template(self, sparse: bool = False) -> _training.Template:
        return _training.templates.get(self.config, self.target_shape, sparse)

    @property
    def n_epochs(self) -> int:
        """Epochs trained so far."""
        return len(self.history.get("loss", ()))

    @property
    def state(self) -> list[Any]:
        """The device variables: weights and seeds, optimizer, metrics."""
        if self._variables is None:
            template = self._template()
            metrics = template.initial_state(self.seed, None)[template.n_saved :]
            values = self._arrays[: template.n_saved] + metrics
            self._variables, self._arrays = _training.new_variables(values), None
        return self._variables

    @property
    def model(self) -> keras.Model:
        """The Keras model, compiled; training and predicting go on in its variables."""
        if self._model is None:
            with _training.lock:
                model = self.config.compile(seed=self.seed)
                _training.build_metrics(model, np.zeros((1, *self.target_shape)))
            variables = _training.state_of(model)
            for variable, value in zip(variables, self.state, strict=True):
                variable.assign(value)
            self._model, self._variables = model, [variable.value for variable in variables]
        return self._model

    def take_state(self, other: Network) -> bool:
        """Go on from another network's weights and optimizer; False if shapes differ."""
        n_saved = self._template().n_saved
        theirs = other.state[: other._template().n_saved]
        mine = self._arrays[:n_saved]
        if [a.shape for a in mine] != [tuple(a.shape) for a in theirs]:
            return False
        template, rate = self._template(), self.config.learning_rate
        self._arrays = template.with_rate([variable.numpy() for variable in theirs], rate)
        self.history = {name: list(values) for name, values in other.history.items()}
        return True

    # What `keras.callbacks.EarlyStopping` asks of a model, without building one.

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the model's variables."""
        return [variable.numpy() for variable in self.state[: self._n_weights]]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set the model's variables."""
        for variable, value in zip(self.state, weights, strict=False):
            variable.assign(value)

    @property
    def _n_weights(self) -> int:
        return len(self._template().model.variables)

    def predict(self, x: Any) -> np.ndarray:
        """Return the outputs for the rows of x."""
        return _training.predict(self._template(scipy.sparse.issparse(x)), self.state, x)

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
        self.epochs, self.batch_size, self.shuffle = epochs, min(batch_size, len(rows)), shuffle
        self.first, self.progress = network.n_epochs, progress

    def run(self, stopper, callbacks):
        network = self.network
        network.stop_training = False
        if any(map(needs_batches, callbacks)) or _too_large(self.rows.x):
            network.program = "keras"
        else:
            self.template = network._template(sparse=scipy.sparse.issparse(self.rows.x))
            network.program = _training.choose_program(
                self.template, len(self.rows), self.batch_size, self.epochs
            )
        self.progress.begin(network.program, self.epochs, len(self.rows))
        hooks = self._hooks(stopper, callbacks)
        try:
            if network.program == "keras":
                self._run_keras(hooks)
            else:
                self._run_compiled(hooks)
        except KeyboardInterrupt:
            warnings.warn(
                f"Training interrupted by the user after {network.n_epochs} epochs.",
                TrainingInterruptedWarning,
                stacklevel=5,
            )
            hooks.on_train_end()
        finally:
            self.progress.end()

    def _hooks(self, stopper, callbacks):
        """Return one callback list; the stopper works on the state, others on the model."""
        network = self.network
        parameters = {
            "verbose": 0,
            "epochs": self.first + self.epochs,
            "steps": -(-len(self.rows) // self.batch_size),
        }
        history = network.program == "keras"
        hooks = keras.callbacks.CallbackList(callbacks or None, history, **parameters)
        if callbacks or network.program == "keras":
            network.model.stop_training = False
            hooks.set_model(network.model)
        if stopper is not None:
            stopper.set_model(network)
            hooks.callbacks.append(stopper)
        return hooks

    def _stopped(self):
        network = self.network
        return network.stop_training or (
            network._model is not None and network._model.stop_training
        )

    def _run_compiled(self, hooks):
        network = self.network
        compiled = _training.Epochs(
            self.template,
            network.state,
            network.program,
            (self.rows.x, self.rows.y, self.rows.weight),
            self.batch_size,
        )
        held_out = self.validation
        if held_out is not None:
            held_out = _training.DeviceRows(held_out.x, held_out.y, held_out.weight)
        hooks.on_train_begin()
        for epoch in range(self.first, self.first + self.epochs):
            hooks.on_epoch_begin(epoch)
            order = row_order(network.seed, epoch, len(self.rows), self.shuffle)
            logs = compiled.run(order)
            if held_out is not None:
                hooks.on_test_begin()
                measured = compiled.evaluate(held_out)
                hooks.on_test_end(measured)
                logs |= {f"val_{name}": value for name, value in measured.items()}
            self._record(epoch, logs)
            hooks.on_epoch_end(epoch, logs)
            if self._stopped():
                break
        network.program = compiled.program
        hooks.on_train_end(logs)

    def _run_keras(self, hooks):
        """Train by `Model.fit` on the same rows in the same order."""
        network, fit = self.network, self
        data = BatchDataset(self.rows, network.seed, self.batch_size, self.shuffle)

        class Recorder(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                data.begin_epoch(epoch)

            def on_epoch_end(self, epoch, logs=None):
                fit._record(epoch, dict(logs))

        class Stopper(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.stop_training = fit._stopped()

        first, last = Recorder(), Stopper()
        first.set_model(network.model)
        last.set_model(network.model)
        hooks.callbacks = [first, *hooks.callbacks, last]
        held_out = self.validation
        if held_out is not None:
            held_out = (held_out.x, held_out.y, held_out.weight)
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

    def _record(self, epoch, logs):
        if not math.isfinite(logs["loss"]):
            raise _not_finite("the loss", epoch + 1)
        for name, value in logs.items():
            self.network.history.setdefault(name, []).append(value)
        self.progress.epoch(epoch + 1, logs)


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
    return getattr(x, "nbytes", 0) > _training.memory_bytes() / 4
