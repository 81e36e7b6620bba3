"""Writing ONNX nodes into the model that skl2onnx is building."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, numpy_helper
from onnx.helper import make_graph, make_node, make_tensor_value_info, np_dtype_to_tensor_dtype
from skl2onnx.common.data_types import FloatTensorType

# Operators without a float64 kernel in ONNX Runtime's CPU provider.
_FLOAT32_ONLY = {
    *("AveragePool", "Conv", "ConvTranspose", "Erf", "GlobalAveragePool", "GlobalMaxPool"),
    "Resize",
}


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
        self.call: Any = None  # of the layer being converted
        self.shapes: dict[str, tuple] = {}  # of the inputs and outputs of Keras layers
        self.masks: dict[str, str] = {}  # of values that have one: booleans, false where padded
        self.integers: set[str] = set()  # values that are int64

    def __call__(self, operator: str, *inputs: Any, domain: str = "", **attributes: Any) -> str:
        return self.several(operator, 1, *inputs, domain=domain, **attributes)[0]

    def several(
        self, operator: str, n_outputs: int, *inputs: Any, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node of several outputs and return their names."""
        names = [name if isinstance(name, str) else self.constant(name) for name in inputs]
        narrowed = self.dtype == np.float64 and operator in _FLOAT32_ONLY
        if narrowed:
            names = [self.cast(name, np.float32) for name in names]
        outputs = [self._name(operator) for _ in range(n_outputs)]
        self._container.add_node(operator, names, outputs, op_domain=domain, **attributes)
        return [self.cast(name, self.dtype) for name in outputs] if narrowed else outputs

    def reduced(self, operator: str, value: str, axes: Any, keepdims: bool = True) -> str:
        """Return means, sums or maxima over axes, which are an input since operator set 18."""
        axes = [int(axis) for axis in np.atleast_1d(axes)]
        if operator == "ReduceSum" or self._container.target_opset >= 18:
            return self(operator, value, np.array(axes, np.int64), keepdims=int(keepdims))
        return self(operator, value, axes=axes, keepdims=int(keepdims))

    def reshaped(self, value: str, *shape: int) -> str:
        """Return a value in another shape; 0 keeps an axis."""
        return self("Reshape", value, np.array(shape, np.int64))

    def expanded(self, value: str, *axes: int) -> str:
        """Return a value with new axes of length 1."""
        return self("Unsqueeze", value, np.array(axes, np.int64))

    def body(self) -> Body:
        """Return an empty graph for an operator that repeats one."""
        body = Body(self._scope, Nodes(self._container.target_opset), self.dtype)
        body.layer = self.layer
        return body

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

    def joined(self, variables: list, dtype: Any = None) -> str:
        """Return the columns of all inputs of a converter as a matrix, of this or another type."""
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        wanted = FloatTensorType if dtype == np.float32 else None
        names = [
            variable.full_name
            if wanted is not None and isinstance(variable.type, wanted)
            else self.cast(variable.full_name, dtype)
            for variable in variables
        ]
        return names[0] if len(names) == 1 else self("Concat", *names, axis=1)

    def give(self, value: str, variable: Any) -> None:
        """Let a value be an output of the converter."""
        self._container.add_node("Identity", [value], [variable.full_name])

    def _name(self, kind):
        prefix = "" if self.layer is None else f"{self.layer.name}_"
        return self._scope.get_unique_variable_name(prefix + kind)


class Nodes:
    """Nodes and constants of a graph within another, collected as skl2onnx collects its own."""

    def __init__(self, target_opset: int):
        self.target_opset = target_opset
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add_node(self, operator, inputs, outputs, op_domain="", **attributes):
        """Add a node."""
        self.nodes.append(make_node(operator, inputs, outputs, domain=op_domain, **attributes))

    def add_initializer(self, name, onnx_type, shape, content):
        """Add a constant."""
        tensor = TensorProto()
        tensor.CopyFrom(content)
        tensor.name = name
        self.constants.append(tensor)


class Body(Graph):
    """A graph that an operator repeats; it refers to nothing outside."""

    def __init__(self, scope: Any, container: Nodes, dtype: Any):
        super().__init__(scope, container, dtype)
        self._inputs: list[Any] = []

    def input(self, shape: tuple, dtype: Any = None) -> str:
        """Return a new input."""
        name = self._name("input")
        self._inputs.append(self._info(name, shape, dtype))
        return name

    def finished(self, outputs: list[tuple[str, tuple]]) -> GraphProto:
        """Return the graph; outputs are given by name and shape."""
        infos = []
        for name, shape in outputs:
            output = self("Identity", name)  # a name for each, though values may be the same
            infos.append(self._info(output, shape, None))
        container = self._container
        return make_graph(
            container.nodes, self._name("body"), self._inputs, infos, container.constants
        )

    def _info(self, name, shape, dtype):
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        return make_tensor_value_info(name, np_dtype_to_tensor_dtype(dtype), shape)
