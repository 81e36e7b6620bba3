"""The state of a network that a user's own function builds, and its compiled template."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdl._common.processes import lock
from skdl._common.sparse_rows import SparseRows
from skdl._engine.compiled.evaluation import measures
from skdl._engine.compiled.store import templates
from skdl._engine.compiled.template import Template
from skdl._engine.custom.building import Builder
from skdl._engine.custom.feeding import (
    all_tokens_checked,
    float_dtype,
    inputs_of,
    zeros_like_inputs,
)
from skdl._engine.custom.leaks import check_state
from skdl._engine.custom.structure import Structure
from skdl._engine.device import outside_strategies
from skdl._engine.inputs import Inputs
from skdl._engine.network import Network
from skdl._networks.configuration import named_errors, penalty_in_common_dtype, weighs_rows
from skdl._networks.custom.measured import measure_probabilities
from skdl._networks.keras import keras
from skdl._networks.numbers import CompiledNumbers, layer_numbers
from skdl._networks.recipes import Recipe, key_of, made
from skdl._networks.variables import flat_layers, state_of

# A network that has its own of these is trained, or predicts, by Keras itself.
_TRAINING = (
    "fit", "train_step", "test_step", "make_train_function", "make_test_function",
    "evaluate", "train_on_batch", "compute_loss", "compute_metrics", "get_metrics_result",
    "reset_metrics", "compute_gradients", "_compute_loss", "compile",
)  # fmt: skip
_PREDICTING = ("predict", "predict_step", "make_predict_function", "predict_on_batch", "__call__")


@dataclass(frozen=True)
class OwnConfig:
    """All that decides a network of the user's but its weights."""

    builder: Builder
    optimizer: Recipe
    loss: Any
    metrics: tuple
    learning_rate: float | None
    extras: dict[str, Any] = field(default_factory=dict)
    link: str | None = None  # what makes probabilities of outputs that are logits

    def compile(self, seed: int, model: keras.Model | None = None) -> keras.Model:
        """Build the network, if it is not given, and compile it, all variables made."""
        model = self.builder(seed) if model is None else model
        optimizer, extras = self.optimizer.make(), {n: made(v) for n, v in self.extras.items()}
        extras = {n: list(v) if isinstance(v, tuple) else v for n, v in extras.items()}
        model.compile(
            optimizer=optimizer,
            loss=made(self.loss),
            metrics=list(made(self.metrics)) or None,
            auto_scale_loss=False,
            **extras,
        )
        if "_aggregate_additional_loss" not in vars(type(model)):
            model._aggregate_additional_loss = penalty_in_common_dtype
        model.optimizer.build(model.trainable_variables)
        if self.learning_rate is not None:
            model.optimizer.learning_rate = self.learning_rate
        return model

    def weighs_rows(self, target_shape: tuple[int, ...], n_outputs: int) -> bool:
        """Tell whether the loss is a number per row, which a weight can multiply."""
        return weighs_rows(self.loss, target_shape, n_outputs)

    def compiled_key(self, numbers: CompiledNumbers) -> Hashable:
        """Equal where networks are compiled alike; functions are not looked at once more."""
        return numbers.key, self.link, *map(key_of, (self.metrics, self.extras))


class OwnNetwork(Network):
    """The state of a network of the user's: the variables of the Keras model itself.

    The function of the user's is called once for these, and once for the template of all
    networks that compute the same.
    """

    exposed = True

    def __init__(
        self,
        config: OwnConfig,
        model: keras.Model,
        target_shape: tuple[int, ...],
        seed: int,
        sparse: bool = False,
    ):
        self.config, self.target_shape, self.seed = config, target_shape, seed
        self.history, self.best_epoch, self.program = {}, None, None
        self.stop_training = False
        self._sparse, self._arrays = sparse, None
        self._private: Template | None = None
        self._lock = threading.RLock()
        self._take(self._with_metrics(config.compile(seed, model)))
        self._constants = self._structure.constants

    def _take(self, model: keras.Model) -> None:
        variables = state_of(model)
        self._structure = Structure(model, variables)
        self._n_saved = len(variables) - len(model.metrics_variables)
        self._n_weights = len(model.variables)
        dtypes = {variable.dtype for variable in model.trainable_variables}
        self._compiled_numbers = CompiledNumbers(
            self.config.optimizer, self.config.loss, *(dtypes if len(dtypes) == 1 else ["several"])
        )
        self._variables, self._model = [variable.value for variable in variables], model

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        for name in ("_structure", "_compiled_numbers", "_private"):
            state.pop(name, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._private = None

    def _ready(self) -> None:
        """Build the network again where only its arrays are left, as after unpickling."""
        if self._model is not None:
            return
        arrays = self._arrays
        self._take(outside_strategies(self._compiled))
        saved = self._variables[: self._n_saved]
        found = [(tuple(v.shape), v.dtype.name) for v in saved]
        expected = [(np.shape(array), np.asarray(array).dtype.name) for array in arrays]
        if found != expected or self._structure.constants != self._constants:
            raise ValueError(
                f"model={self.config.builder.name} builds another network now than it did for "
                "this fit: its variables or the arrays built into it differ. Use the function as "
                "it was, or fit again."
            )
        for variable, value in zip(self._variables, arrays, strict=False):
            variable.assign(value)
        self._arrays = None

    @property
    def state(self) -> list[Any]:
        """The device variables: weights and seeds, optimizer, metrics."""
        with self._lock:
            self._ready()
            return self._variables

    @property
    def model(self) -> keras.Model:
        """The user's network itself, compiled."""
        with self._lock:
            self._ready()
            return self._model

    @property
    def float_dtype(self) -> str:
        """Dtype of targets and weights."""
        return float_dtype(self.model)

    def _compiled(self) -> keras.Model:
        with lock:
            return self._with_metrics(self.config.compile(self.seed))

    def _with_metrics(self, model):
        """Return the model, the variables of loss and metrics made, and checked."""
        y, name = np.zeros((1, *self.target_shape), np.float32), self.config.builder.name
        rows = zeros_like_inputs(self.config.builder.inputs, 1)
        if inputs_of(model) is None or _has_own(model, _TRAINING):
            outputs = model(rows, training=False)
        else:
            shape = [size or 1 for size in model.output_shape[1:]]
            outputs = keras.ops.zeros((1, *shape), model.outputs[0].dtype)
        if "train_step" in _own_methods(model, _TRAINING) and model._compile_loss is None:
            return model
        with named_errors("loss", f"y and the outputs of model={name}"):
            model.compute_loss(rows, y, outputs)
        with named_errors("metrics", f"y and the outputs of model={name}"):
            model.compute_metrics(rows, y, outputs)
        model.reset_metrics()
        if self.config.link is not None:
            measure_probabilities(measures(model), self.config.link)
        return model

    @property
    def needs_keras(self) -> bool:
        """Whether only `Model.fit` trains this network."""
        model = self.model
        own = _has_own(model, _TRAINING) or model.run_eagerly
        return own or not self._structure.is_shared or not self._template().may_loop

    def _template(self, sparse: bool | None = None) -> Template:
        self.model  # noqa: B018 - built again, where only its arrays are left
        sparse = self._sparse if sparse is None else sparse
        if not self._structure.is_shared:
            if self._private is None:
                self._private = self._checked(
                    Template(self._model, False, self.target_shape, self._inputs(), as_it_is=True)
                )
            return self._private
        builder = self.config.builder
        key = (
            "own", self._structure.key, self.config.compiled_key(self._compiled_numbers),
            builder.inputs, self.target_shape, sparse,
        )  # fmt: skip
        return templates.get(
            key, lambda: outside_strategies(lambda: self._new_template(sparse, key))
        )

    def _layers(self) -> list[keras.Layer]:
        # Those of a template that is shared may have the names of another network.
        return list(flat_layers(self.model))

    def _new_template(self, sparse, key):
        model = self._compiled()
        other = Structure(model, state_of(model))
        if other.exact_key != self._structure.exact_key:
            raise ValueError(
                f"model={self.config.builder.name} builds another network each time it is called "
                "with the same arguments: layers, or the numbers built into them, differ. Draw "
                "numbers from NumPy's or Keras's global generators, which are seeded for each "
                "call, or from the argument `seed`."
            )
        inputs = self._inputs()
        if sparse:
            model = self._for_sparse_rows(model)
        numbers = self._compiled_numbers.of(model)
        if self._structure.numbers:  # else none, or not known to be
            numbers = layer_numbers(model) + numbers
        template = Template(model, sparse, self.target_shape, inputs, numbers=numbers, key=key)
        return self._checked(template)

    def _numbers(self) -> list[np.ndarray]:
        if not self._template().numbers:
            return []
        of_layers = [number.value for number in self._structure.numbers]
        return [np.array(of_layers + self._compiled_numbers.values)]

    def _for_sparse_rows(self, model):
        """Return a network of the layers of `model` that takes sparse rows.

        They are not copied: a copy would not have one regularizer in two layers.
        """
        (tensor,) = model.inputs
        sparse = keras.Input(tensor.shape[1:], dtype=tensor.dtype, sparse=True, name=tensor.name)
        joined = keras.models.clone_model(
            model, input_tensors=sparse, clone_function=lambda layer: layer
        )
        return self._with_metrics(self.config.compile(self.seed, joined))

    def _checked(self, template):
        template.may_loop = check_state(template, self.config.builder.name)
        if template.may_loop and not all_tokens_checked(template.model):
            template.for_xla = False  # which would read another row for a token out of range
        return template

    def _inputs(self) -> Inputs:
        """Return the inputs as the data have them, in the dtypes of the network."""
        given, symbolic = self.config.builder.inputs, inputs_of(self._model)
        if symbolic is None:
            shapes = tuple((None, *shape) for _, shape, _ in given)
            return Inputs(tuple(n for n, _, _ in given), shapes, tuple(d for _, _, d in given))
        names = tuple(name for name, _, _ in given)
        by_name = {tensor.name: tensor for tensor in symbolic}
        tensors = symbolic if names == (None,) else [by_name[name] for name in names]
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        return Inputs(names, shapes, tuple(str(tensor.dtype) for tensor in tensors))

    @property
    def _exact_key(self) -> Hashable:
        numbers = self._compiled_numbers
        compiled = self.config.compiled_key(numbers), numbers.values
        return self._structure.exact_key, compiled, self.target_shape

    def go_on_from(self, other: Any) -> bool:
        """Take over another network's state; False if the two are configured differently."""
        with other._lock:
            other._ready()
        if self._exact_key != other._exact_key:
            return False
        rate = getattr(self._model.optimizer, "_learning_rate", None)
        asked = self.config.learning_rate != other.config.learning_rate
        pairs = zip(state_of(self._model)[: self._n_saved], other.state, strict=False)
        for variable, value in pairs:
            if not (asked and variable is rate):
                variable.assign(value)
        self.history = {name: list(values) for name, values in other.history.items()}
        self.best_epoch = other.best_epoch
        return True

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the model's variables."""
        return [variable.numpy() for variable in self.state[: self._n_weights]]

    def predict(self, x: Any, size: int | None = None, each: Callable | None = None) -> np.ndarray:
        """Return the outputs for the rows of x, by Keras where the network has its own way."""
        if not _has_own(self.model, _PREDICTING):
            return super().predict(x, size, each)
        x = x.toarray() if isinstance(x, SparseRows) else x
        outputs = np.asarray(self.model.predict(getattr(x, "arrays", x), verbose=0))
        return outputs if each is None else each(outputs)


def _own_methods(model, names):
    own = [cls for cls in type(model).__mro__ if not cls.__module__.startswith("keras.")]
    known = [vars(model), *(vars(cls) for cls in own if cls is not object)]
    return [name for name in names if any(name in each for each in known)]


def _has_own(model, names):
    """Tell whether the class of a network, or the network, replaces one of Keras's methods."""
    return bool(_own_methods(model, names))
