"""Writing ONNX nodes into the model that skl2onnx is building."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper
from onnx.helper import np_dtype_to_tensor_dtype
from skl2onnx.common.data_types import FloatTensorType

# Operators without a float64 kernel in ONNX Runtime's CPU provider.
_FLOAT32_ONLY = {"AveragePool", "Conv", "Erf", "GlobalAveragePool", "GlobalMaxPool"}


class Graph:
    """Nodes that compute in one floating-point type.

    Values are handed on by their names. Called with an operator of ONNX and its inputs, it adds
    a node and returns the name of its output; inputs that are numbers or arrays become constants.

    Parameters
    ----------
    scope, container : object
        What skl2onnx hands to a converter.
    dtype : dtype
        float32 or float64: the type of numbers and of arrays of floats.
    """

    def __init__(self, scope: Any, container: Any, dtype: Any):
        self._scope, self._container = scope, container
        self.dtype = np.dtype(dtype)
        self.layer: Any = None  # being converted, for names and errors
        self.shapes: dict[str, tuple] = {}  # of the inputs and outputs of Keras layers

    def __call__(self, operator: str, *inputs: Any, domain: str = "", **attributes: Any) -> str:
        names = [name if isinstance(name, str) else self.constant(name) for name in inputs]
        narrowed = self.dtype == np.float64 and operator in _FLOAT32_ONLY
        if narrowed:
            names = [self.cast(name, np.float32) for name in names]
        output = self._name(operator)
        self._container.add_node(operator, names, [output], op_domain=domain, **attributes)
        return self.cast(output, self.dtype) if narrowed else output

    def of_dtype(self, dtype: Any) -> Graph:
        """Return a graph that adds to the same model, and computes in another type."""
        return Graph(self._scope, self._container, dtype)

    def cast(self, value: str, dtype: Any) -> str:
        """Return a value in another type."""
        return self("Cast", value, to=np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def rounded(self, operator: str, value: str, array: np.ndarray) -> str:
        """Add an operator as NumPy computes it in place: in float64, then in this type."""
        if self.dtype == np.float64:
            return self(operator, value, array)
        wide = self.of_dtype(np.float64)
        return self.cast(wide(operator, self.cast(value, np.float64), array), self.dtype)

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Return a constant; without a dtype, arrays that do not hold floats keep theirs."""
        if dtype is None and (not isinstance(value, np.ndarray) or value.dtype.kind == "f"):
            dtype = self.dtype
        value = np.asarray(value, dtype)
        name = self._name("constant")
        if value.dtype.kind in "UO":
            texts = [str(text).encode() for text in value.ravel()]
            self._container.add_initializer(name, TensorProto.STRING, value.shape, texts)
        else:
            tensor = numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape))
            self._container.add_initializer(name, tensor.data_type, value.shape, tensor)
        return name

    def joined(self, variables: list) -> str:
        """Return the columns of all inputs of a converter as one matrix of this type."""
        wanted = FloatTensorType if self.dtype == np.float32 else None
        names = [
            variable.full_name
            if wanted is not None and isinstance(variable.type, wanted)
            else self.cast(variable.full_name, self.dtype)
            for variable in variables
        ]
        return names[0] if len(names) == 1 else self("Concat", *names, axis=1)

    def give(self, value: str, variable: Any) -> None:
        """Let a value be an output of the converter."""
        self._container.add_node("Identity", [value], [variable.full_name])

    def _name(self, kind):
        prefix = "" if self.layer is None else f"{self.layer.name}_"
        return self._scope.get_unique_variable_name(prefix + kind)
