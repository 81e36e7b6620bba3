"""A network being trained: its state, its epochs and what is called between them."""

from __future__ import annotations

import contextlib
import math
import threading
import warnings
from collections.abc import Iterator
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
from skdl._versions import with_versions, without_versions
from skdl.exceptions import NonFiniteLossError, TrainingInterruptedWarning


@dataclass
class Rows:
    """Inputs, targets as the network sees them, and weights."""

    x: Any
    y: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def batches(self, seed: int, batch_size: int, shuffle: bool) -> BatchDataset:
        """Return the batches of an epoch, for `Model.fit`."""
        return BatchDataset(self, seed, batch_size, shuffle)


class Network:
    """The state of one network: arrays, device variables, or a live Keras model.

    The Keras model is built when it is asked for; from then on its variables are the state.
    Pickles hold the configuration and arrays only.
    """

    def __init__(
        self,
        config: NetworkConfig,
        target_shape: tuple[int, ...],
        seed: int,
        sparse: bool = False,
        given: dict[int, np.ndarray] | None = None,
    ):
        self.config, self.target_shape, self.seed = config, target_shape, seed
        self.history: dict[str, list] = {}
        self.best_epoch: int | None = None
        self.program: str | None = None
        self.stop_training = self.interrupted = False
        self._sparse = sparse
        template = self._template()
        self._n_saved = template.n_saved
        self._arrays = template.initial_state(seed, config.learning_rate, given)[: self._n_saved]
        self._variables = self._model = None
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            arrays = self._arrays
            if self._variables is not None:
                arrays = [variable.numpy() for variable in self._variables[: self._n_saved]]
        history = {name: list(values) for name, values in self.history.items()}
        state = {**vars(self), "history": history, "_arrays": arrays}
        state |= {"_variables": None, "_model": None}
        del state["_lock"]
        return with_versions(state, "keras")

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(without_versions(state, "A network"))
        self._lock = threading.RLock()

    def _template(self, sparse: bool | None = None) -> _training.Template:
        sparse = self._sparse if sparse is None else sparse
        return _training.template_of(self.config, self.target_shape, sparse)

    @property
    def n_saved(self) -> int:
        """Number of variables that are weights, seeds or the optimizer's."""
        return self._n_saved

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
                model = _training.outside_strategies(self._compiled)
                variables = state_of(model)
                for variable, value in zip(variables, self.state, strict=True):
                    variable.assign(value)
                self._variables = [variable.value for variable in variables]
                self._model = model
            return self._model

    def _compiled(self) -> keras.Model:
        with lock:
            model = self.config.compile(seed=self.seed)
            build_metrics(model, np.zeros((1, *self.target_shape)))
        return model

    @contextlib.contextmanager
    def distributed(self) -> Iterator[None]:
        """Let the model's variables be copied to the devices of a strategy for a while."""
        if _training.n_replicas() == 1:
            yield
            return
        self._gather()
        model = self._compiled()
        variables = state_of(model)
        for variable, value in zip(variables, self.state, strict=True):
            variable.assign(value)
        self._variables, self._model = [variable.value for variable in variables], model
        try:
            yield
        finally:
            self._gather()

    def _gather(self) -> None:
        """Take the state from the devices into arrays."""
        with self._lock:
            self._arrays = [variable.numpy() for variable in self.state[: self._n_saved]]
            self._variables = self._model = None

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

    def joined_to(self, base: Network, config: NetworkConfig) -> Network:
        """Return one network of `base` and, behind it, this one; all three share their variables.

        `config` is that of the whole, whose variables are those of `base`, which trains none,
        followed by all of this one's.
        """
        n_base = base._template().n_weights
        parts = *base.state[:n_base], *self.state[: self._n_saved]
        whole = Network(
            config, self.target_shape, self.seed,
            given={position: variable.numpy() for position, variable in enumerate(parts)},
        )  # fmt: skip
        whole.history, whole.best_epoch = self.history, self.best_epoch
        shared = [variable.value for variable in state_of(whole.model)]
        base._variables[:n_base], self._variables = shared[:n_base], shared[n_base:]
        return whole

    # What `keras.callbacks.EarlyStopping` asks of a model, without building one.

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the model's variables."""
        return [variable.numpy() for variable in self.state[: self._template().n_weights]]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set the model's variables."""
        for variable, value in zip(self.state, weights, strict=False):
            variable.assign(value)

    def predict(self, x: Any, size: int | None = None) -> np.ndarray:
        """Return the outputs for the rows of x, so many rows at a time if it is given."""
        template = self._template(scipy.sparse.issparse(x))
        return _training.predict(template, self.state, x, size=size)

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
        tasks: Any = None,
        checkpoint: Any = None,
    ) -> None:
        """Train for `epochs` epochs more, or until a callback, a task or the user stops.

        A checkpoint of the same fit, if there is one, is where training begins.
        """
        fit = _Fit(self, rows, validation, epochs, batch_size, shuffle, progress)
        fit.tasks, fit.checkpoint = tasks, checkpoint
        fit.run(stopper, callbacks)
        if not all(np.isfinite(weights).all() for weights in self.get_weights()):
            raise _not_finite("a weight", self.n_epochs)
        self.best_epoch = self._find_best_epoch(fit.first if stopper is not None else 0)
        if checkpoint is not None:
            checkpoint.end()

    def _find_best_epoch(self, first):
        """Return the best epoch after the first so many, counted from 1, None if there is none.

        Early stopping returns to the best epoch of its own fit, so earlier ones do not count.
        """
        watched = np.array(self.history.get("val_loss", self.history.get("loss", [])))[first:]
        known = np.isfinite(watched)
        return first + int(np.argmin(np.where(known, watched, np.inf))) + 1 if known.any() else None


def positions_of(config: NetworkConfig, target_shape: tuple[int, ...], layer: str) -> list[int]:
    """Return where in the state the weights of a layer, such as a network within, are kept."""
    template = _training.template_of(config, target_shape, False)
    found = {id(variable): position for position, variable in enumerate(template.variables)}
    return [found[id(weight)] for weight in template.model.get_layer(layer).weights]


def _not_finite(what: str, epoch: int) -> NonFiniteLossError:
    return NonFiniteLossError(
        f"Training ended in epoch {epoch}: {what} became NaN or infinite. Likely cures: scale the "
        "inputs (and a regressor's targets), for instance with StandardScaler or "
        "TransformedTargetRegressor, or set a smaller learning_rate."
    )


class _Fit:
    """One call of `Network.train`."""

    tasks = checkpoint = None

    def __init__(self, network, rows, validation, epochs, batch_size, shuffle, progress):
        self.network, self.rows, self.validation = network, rows, validation
        self.epochs, self.batch_size, self.shuffle = epochs, batch_size, shuffle
        self.first, self.progress = network.n_epochs, progress
        self.coming = range(self.first, self.first + epochs)
        self._unrecorded = None

    def run(self, stopper, callbacks):
        with self.network.distributed():
            self._run(stopper, callbacks)

    def _run(self, stopper, callbacks):
        network = self.network
        network.stop_training = network.interrupted = False
        hooks = None
        try:
            network.program = self._choose_program(callbacks)
            if self.checkpoint is not None:
                stopped = self.checkpoint.begin(network)
                self.coming = self.coming[: 0 if stopped else None][network.n_epochs - self.first :]
            done = network.n_epochs - self.first
            self.progress.begin(network.program, self.epochs, len(self.rows), done)
            hooks = self._hooks(stopper, callbacks)
            if network.program == "keras":
                self._run_keras(hooks)
            else:
                self._run_compiled(hooks)
        except KeyboardInterrupt:
            network.interrupted = True
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
        if (n_replicas := _training.n_replicas()) > 1:
            self._divide_batches(n_replicas)
            return "keras"
        rows = [self.rows] if self.validation is None else [self.rows, self.validation]
        if any(map(needs_batches, callbacks)) or any(_too_large(each.x) for each in rows):
            return "keras"
        self.template = self.network._template(scipy.sparse.issparse(self.rows.x))
        if getattr(self.template.model.optimizer, "use_ema", False):
            return "keras"  # which puts averages in place of the weights at the end
        return _training.choose_program(self.template, len(self.rows), self.batch_size, self.epochs)

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
        for epoch in self.coming:
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
        data = self.rows.batches(network.seed, self.batch_size, self.shuffle)

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
            held_out = held_out.batches(network.seed, self.batch_size, shuffle=False)
        with _training.no_retracing_messages():
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
    """Comes last, to see what other callbacks put in the logs, such as the learning rate.

    Tasks are told of every epoch after it was recorded, and may ask to stop; then the checkpoint
    is written, with what the other callbacks have come to.
    """

    def __init__(self, fit: _Fit, callbacks: list[keras.callbacks.Callback]):
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
    """Tell whether a copy of x should not be held: of files, or beyond a quarter of the memory."""
    if getattr(x, "lazy", False):
        return True
    n_bytes = x.data.nbytes + x.indices.nbytes if scipy.sparse.issparse(x) else x.nbytes
    return n_bytes > _training.memory_bytes() / 4
