"""A network of an estimator: its state, as arrays, device variables or a Keras model."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skdl._common.sparse_rows import SparseRows
from skdl._common.versions import with_versions, without_versions
from skdl._engine.compiled.class_activation import class_activations, last_convolution
from skdl._engine.compiled.programs import predict
from skdl._engine.compiled.template import Template, template_of
from skdl._engine.device import n_replicas, new_variables, outside_strategies
from skdl._engine.epochs import Fit, not_finite
from skdl._engine.rows import Rows
from skdl._networks.configuration import NetworkConfig, build_metrics
from skdl._networks.found_layers import found_layer
from skdl._networks.keras import keras
from skdl._networks.settings import building
from skdl._networks.variables import state_of


class Network:
    """The state of one network: arrays, device variables, or a live Keras model.

    The Keras model is built when it is asked for; from then on its variables are the state.
    Pickles hold the configuration and arrays only.
    """

    exposed = False  # whether users may hold its variables, which can then change at any time

    def __init__(
        self,
        config: NetworkConfig,
        target_shape: tuple[int, ...],
        seed: int,
        sparse: bool = False,
        given: dict[int, np.ndarray] | None = None,
    ):
        self.config: Any = config
        self.target_shape, self.seed = target_shape, seed
        self.history: dict[str, list] = {}
        self.best_epoch: int | None = None
        self.program: str | None = None
        self.stop_training = False
        self._sparse = sparse
        template = self._template()
        self._n_saved = template.n_saved
        arrays = template.initial_state(seed, config.learning_rate, given)[: self._n_saved]
        self._arrays: Any = arrays  # None while the state is in variables
        self._variables: Any = None
        self._model: Any = None
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
        state.pop("exposed", None)
        return with_versions(state, "keras")

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(without_versions(state, "A network"))
        if self._arrays is not None:
            self._arrays = [_as_numbers(array) for array in self._arrays]
        self._lock = threading.RLock()

    def _template(self, sparse: bool | None = None) -> Template:
        sparse = self._sparse if sparse is None else sparse
        return template_of(self.config, self.target_shape, sparse)

    @property
    def needs_keras(self) -> bool:
        """Whether only `Model.fit` trains this network."""
        return False

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
                units = self.config.units
                values = self._arrays + self._template().initial_metrics(units)
                self._variables, self._arrays = new_variables(values), None
            return self._variables

    def inputs(self) -> list[Any]:
        """Return all that programs of training capture: the state, and rates and penalties."""
        return [*self.state, *new_variables(self._numbers())]

    def _read_by(self, template: Template) -> list[Any]:
        """Return what programs of predicting capture, without what counts in training alone."""
        return self.inputs() if template.predicts_by_numbers else self.state

    def _numbers(self) -> list[np.ndarray]:
        return self._template().numbers_of(self.config)

    @property
    def model(self) -> keras.Model:
        """The Keras model, compiled; training and predicting go on in its variables."""
        with self._lock:
            if self._model is None:
                model = outside_strategies(self._compiled)
                variables = state_of(model)
                for variable, value in zip(variables, self.state, strict=True):
                    variable.assign(value)
                self._variables = [variable.value for variable in variables]
                self._model, self.exposed = model, True
            return self._model

    def _compiled(self) -> keras.Model:
        with building():
            model = self.config.compile(seed=self.seed)
            build_metrics(model, np.zeros((1, *self.target_shape)))
        return model

    @contextlib.contextmanager
    def distributed(self) -> Iterator[None]:
        """Let the model's variables be copied to the devices of a strategy for a while."""
        if n_replicas() == 1:
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
        ours, theirs = (
            (each.config.key, each.config.numbers_key, each.target_shape) for each in (self, other)
        )
        if ours != theirs:
            return False
        template, rate = self._template(), self.config.learning_rate
        rate = None if rate == other.config.learning_rate else rate
        saved = [variable.numpy() for variable in other.state[: self._n_saved]]
        self._arrays = template.with_rate(saved, rate)
        self.history = {name: list(values) for name, values in other.history.items()}
        self.best_epoch, self.program = other.best_epoch, other.program
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
        base.exposed = self.exposed = True
        return whole

    # What `keras.callbacks.EarlyStopping` asks of a model, without building one.

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the model's variables."""
        return [variable.numpy() for variable in self.state[: self._template().n_weights]]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set the model's variables."""
        for variable, value in zip(self.state, weights, strict=False):
            variable.assign(value)

    def predict(self, x: Any, size: int | None = None, each: Callable | None = None) -> np.ndarray:
        """Return the outputs for the rows of x, so many rows at a time if it is given.

        If there is a function `each`, return what it makes of the outputs for these rows.
        """
        template = self._template(isinstance(x, SparseRows))
        return predict(template, self._read_by(template), x, size=size, each=each)

    def layer_outputs(self, x: Any, layer: int | str) -> np.ndarray:
        """Return the outputs of one layer: the n-th convolution, or a layer by its name."""
        template = self._template(False)
        layers = self._layers()
        position = layers.index(found_layer(layers, layer))
        return predict(template, self._read_by(template), x, position)

    def layer_name(self, layer: int | str) -> str:
        """Return the name of the layer whose outputs `layer_outputs` returns."""
        return found_layer(self._layers(), layer).name

    def _layers(self) -> list[keras.Layer]:
        """Return the layers under the names that the user knows."""
        return self._template(False).layers

    def class_activations(self, x: Any, layer: int | str | None, **chosen: Any) -> np.ndarray:
        """Return the maps of one layer, weighted by the gradients of one output per row."""
        template = self._template(False)
        layers = self._layers()
        found = last_convolution(layers) if layer is None else found_layer(layers, layer)
        place = layers.index(found), found.name
        return class_activations(template, self._read_by(template), x, *place, **chosen)

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
        """Train for `epochs` epochs more, or until a callback or a task stops.

        A checkpoint of the same fit, if there is one, is where training begins. A
        KeyboardInterrupt leaves what was learned until then.
        """
        fit = Fit(self, rows, validation, epochs, batch_size, shuffle, progress)
        fit.tasks, fit.checkpoint = tasks, checkpoint
        try:
            fit.run(stopper, callbacks)
        finally:
            first = fit.first if stopper is not None else 0
            self.best_epoch = self._find_best_epoch(first) or self.best_epoch
        if not self._is_finite():
            raise not_finite("a weight", self.n_epochs)
        if checkpoint is not None:
            checkpoint.end()

    def _is_finite(self):
        return all(np.isfinite(weights).all() for weights in self.get_weights())

    @property
    def has_learned(self) -> bool:
        """Whether at least one epoch ended, and the weights can be used."""
        return self.n_epochs > 0 and self._is_finite()

    def _find_best_epoch(self, first):
        """Return the best epoch after the first so many, counted from 1, None if there is none.

        Early stopping returns to the best epoch of its own fit, so earlier ones do not count.
        """
        watched = np.array(self.history.get("val_loss", self.history.get("loss", [])))[first:]
        known = np.isfinite(watched)
        return first + int(np.argmin(np.where(known, watched, np.inf))) + 1 if known.any() else None


def positions_of(config: NetworkConfig, target_shape: tuple[int, ...], layer: str) -> list[int]:
    """Return where in the state the weights of a layer, such as a network within, are kept."""
    template = template_of(config, target_shape, False)
    found = {id(variable): position for position, variable in enumerate(template.variables)}
    return [found[id(weight)] for weight in template.model.get_layer(layer).weights]


def _as_numbers(array: Any) -> Any:
    """Return an array whose bfloat16 is a type again: NumPy's files, as skops writes, forget it."""
    return array.view("bfloat16") if np.asarray(array).dtype == "V2" else array
