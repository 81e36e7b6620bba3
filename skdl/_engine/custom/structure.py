"""What a built network computes, as a key: equal for networks that may share their programs.

A traced program has all of a network built in but its variables: layers and how they are joined,
functions, numbers, arrays and tensors that layers hold. All of these are in the key; names, seeds
and initialisers, which decide variables alone, are not. What cannot be compared by its value makes
the key one of its own, so that nothing is shared.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Hashable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np

from skdl._engine.custom.randomness import SeededGenerators
from skdl._networks.code_keys import callable_key, is_kept, root_package, state_key
from skdl._networks.keras import keras
from skdl._networks.numbers import layer_numbers

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from keras.src.ops.operation import Operation  # isort: skip

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
# What is told by its class and attributes, of users' own classes too.
_DESCRIBED = (
    keras.Layer,
    keras.KerasTensor,
    Operation,
    keras.Regularizer,
    keras.constraints.Constraint,
)
# What `fit`, `evaluate` and `predict` of Keras leave in a model.
_OF_USE = {"_eval_epoch_iterator", "stop_evaluating", "stop_predicting"}
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, type, np.ufunc)


class Structure:
    """The key of a network.

    Parameters
    ----------
    model : keras.Model
        Built, and not changed for training yet.
    variables : list of keras.Variable
        Its state, in order.

    Attributes
    ----------
    key : Hashable
        Equal for networks that compute the same with the same variables.
    constants : str
        Digest of the arrays and tensors that are built in; the same in every process.
    numbers : list of Number
        Rates and penalties, which are no part of the key but inputs of the programs; none where
        something of the user's could read them.
    is_shared : bool
        Whether other networks may have the same key.
    """

    def __init__(self, model: keras.Model, variables: list[keras.Variable]):
        known = all(map(_is_of_keras, model._flatten_layers()))
        self.numbers = layer_numbers(model) if known else []
        self._describe(model, variables)
        if self._is_read and self.numbers:
            self.numbers = []
            self._describe(model, variables)

    def _describe(self, model, variables):
        self._positions = {id(variable): i for i, variable in enumerate(variables)}
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []
        self._constants: list[str] = []
        self._inputs = {(id(number.holder), number.name) for number in self.numbers}
        self._holders = {id(number.holder) for number in self.numbers}
        # How many things of the user's hold what is described; whether those can read a number.
        self._n_holding, self._is_read = 0, False
        described = [
            (
                tuple(v.shape), str(v.dtype), v.trainable,
                self._of(v.regularizer), self._of(v.constraint),
            )
            for v in variables
        ]  # fmt: skip
        self.key = self._of(model), tuple(described)
        self.constants = hashlib.sha256("".join(self._constants).encode()).hexdigest()
        self.is_shared = not is_kept(self.key)
        del self._kept, self._seen, self._positions, self._inputs, self._holders

    @property
    def exact_key(self) -> Hashable:
        """Equal for networks that have the same numbers as well."""
        return self.key, tuple(number.value for number in self.numbers)

    def _of(self, value: Any) -> Hashable:
        if isinstance(value, _PLAIN):
            return type(value).__name__, repr(value) if isinstance(value, float) else value
        if isinstance(value, keras.Variable):
            return "variable", self._positions.get(id(value), -1)
        if isinstance(value, np.ndarray | np.generic | tf.Tensor):
            return self._array(value)
        if isinstance(value, keras.Initializer):
            return ("initializer",)
        if isinstance(value, keras.random.SeedGenerator):
            return "seeds", self._positions.get(id(value.state), -1)
        if isinstance(value, keras.DTypePolicy):
            return "policy", value.name
        if isinstance(value, functools.partial):
            with self._held_by_user(True):
                return "partial", self._of([value.func, value.args, value.keywords])
        if isinstance(value, _FUNCTIONS):
            return callable_key(value)
        if isinstance(value, Mapping):
            items = ((str(name), self._of(item)) for name, item in value.items())
            return "dict", tuple(sorted(items, key=lambda item: item[0]))
        if isinstance(value, list | tuple):
            return type(value).__name__, tuple(map(self._of, value))
        if isinstance(value, np.dtype | tf.DType | tf.TensorShape | slice | type(Ellipsis)):
            return repr(value)
        return self._object(value)

    def _array(self, value):
        array = np.asarray(value)
        if array.dtype.hasobject:
            return state_key(array)
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        self._constants.append(digest)
        return "array", str(array.dtype), array.shape, digest

    def _object(self, value):
        """Return the key of an object, the number of one that was met before."""
        if self._n_holding and (isinstance(value, keras.Layer) or id(value) in self._holders):
            self._is_read = True
        if id(value) in self._seen:
            return "seen", self._seen[id(value)]
        root = type(value).__module__.partition(".")[0]
        if not (isinstance(value, _DESCRIBED) or root == "keras"):
            return state_key(value)
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)  # so that its id stays its own
        if isinstance(value, keras.KerasTensor):
            return "tensor", tuple(value.shape), str(value.dtype), value.sparse
        parts = [callable_key(type(value))]
        if isinstance(value, keras.Sequential):
            parts.append(tuple(self._of(layer) for layer in value._layers))
        elif hasattr(value, "_nodes_by_depth"):
            parts.append(self._graph(value))
        attributes = {
            name: "an input" if (id(value), name) in self._inputs else each
            for name, each in vars(value).items()
            if name not in _of_keras() and not isinstance(each, keras.callbacks.History)
        }
        if isinstance(value, keras.Layer):
            attributes |= {n: getattr(value, n) for n in ("trainable", "dtype_policy", "autocast")}
            attributes["activity_regularizer"] = value.activity_regularizer
            attributes["supports_jit"] = value.supports_jit
        with self._held_by_user(isinstance(value, keras.layers.Lambda) or not _is_of_keras(value)):
            parts.append(self._of(attributes))
        return tuple(parts)

    @contextlib.contextmanager
    def _held_by_user(self, held):
        """Note that what is described within is held by something of the user's, if it is."""
        self._n_holding += held
        yield
        self._n_holding -= held

    def _graph(self, model):
        """Return how the layers of a functional model are joined."""
        nodes = [
            node
            for depth in sorted(model._nodes_by_depth, reverse=True)
            for node in model._nodes_by_depth[depth]
        ]
        joined = [
            (
                self._of(node.operation),
                self._of([node.arguments.args, node.arguments.kwargs]),
                self._of(list(node.outputs)),
            )
            for node in nodes
        ]
        ends = self._of(model._inputs_struct), self._of(model._outputs_struct)
        return tuple(joined), ends


def _is_of_keras(value: Any) -> bool:
    return root_package(type(value)) == "keras"


@functools.cache
def _of_keras() -> frozenset[str]:
    """Return the attributes that Keras gives all layers and models for its own use."""
    with SeededGenerators(0):
        inputs = keras.Input((1,))
        models = [keras.Sequential([keras.Input((1,)), keras.layers.Identity()])]
        models += [keras.Model(inputs, keras.layers.Identity()(inputs)), _Plain()]
        for model in models:
            model.compile("sgd", "mse", metrics=["mae"])
            model.optimizer.build([])
            model.compute_loss(None, np.zeros((1, 1)), keras.ops.zeros((1, 1)))
        known = [keras.layers.Layer(), Operation(), *models]
    return frozenset(_OF_USE).union(*map(vars, known))


class _Plain(keras.Model):
    def call(self, inputs):
        return inputs
