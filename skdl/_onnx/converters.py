"""Converters for skl2onnx: networks, image reshaping, and the parts of pipelines around them.

skl2onnx asks for two functions a class: the types and shapes of what it returns, and its nodes.
Those of the columns of pipelines are in `columns`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common import data_types
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.base import BaseEstimator, ClassifierMixin

import skdl
from skdl._estimators.base import BaseNetwork
from skdl._estimators.tabular.base import TabularNetworks
from skdl._networks.settings import own_settings
from skdl._onnx import (  # they register what they convert
    attention,  # noqa: F401
    convolutions,  # noqa: F401
    layers,  # noqa: F401
    normalizations,  # noqa: F401
    operations,  # noqa: F401
    recurrent,  # noqa: F401
    sequences,  # noqa: F401
)
from skdl._onnx.calls import Value
from skdl._onnx.columns import CONVERTERS, INVERSES
from skdl._onnx.graph import Graph
from skdl._onnx.inputs import computed_in, network_inputs
from skdl._onnx.network import add_model, check_model
from skdl._onnx.piecewise import add_encoder
from skdl._onnx.tables import add_table
from skdl._onnx.tensor_types import numbers_in, tensor_type
from skdl._transformers.image_reshaper import ImageReshaper
from skdl._transformers.piecewise import PiecewiseLinearEncoder

NETWORKS = (BaseNetwork, TabularNetworks)
# The option of a network that gives float64 as its `predict_proba` and `predict` do. Others give
# the dtype of the inputs, as skl2onnx's own classifiers do.
IN_FLOAT64 = "in_float64"


class Inverse(BaseEstimator):
    """The step of a pipeline that takes a regressor's values back through a transformer."""

    def __init__(self, transformer: Any):
        self.transformer = transformer


def register() -> None:
    """Make all estimators of skdl, and classes derived from them, known to skl2onnx."""
    for name in dir(skdl):  # a class is known once its module is imported
        if name[0].isupper():
            getattr(skdl, name)
    ours = (*NETWORKS, ImageReshaper, PiecewiseLinearEncoder, Inverse)
    for cls in (cls for base in ours for cls in (base, *_derived(base)) if cls not in NETWORKS):
        if issubclass(cls, NETWORKS):
            convert, shapes, names = _convert_network, _network_shapes, ["variable"]
            if issubclass(cls, ClassifierMixin):
                names = ["label", "probabilities"]
        elif issubclass(cls, ImageReshaper):
            convert, shapes, names = _convert_reshaper, _reshaper_shapes, ["variable"]
        elif issubclass(cls, PiecewiseLinearEncoder):
            convert, shapes, names = _convert_encoder, _encoder_shapes, ["variable"]
        else:
            convert, shapes, names = _convert_inverse, _same_shapes, ["variable"]
        update_registered_converter(
            cls,
            _alias(cls),
            shapes,
            convert,
            parser=_parser(names),
            # Pipelines hand the first three to any classifier; networks always give arrays.
            options={"zipmap": None, "nocl": None, "output_class_labels": None, IN_FLOAT64: None},
        )


def _derived(cls):
    """Yield all classes that are derived from one."""
    for derived in cls.__subclasses__():
        yield derived
        yield from _derived(derived)


def _alias(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


def _parser(names):
    def parse(scope, model, inputs, custom_parsers=None):
        operator = scope.declare_local_operator(_alias(type(model)), model)
        operator.inputs = inputs
        in_float64 = scope.get_options(model, {}).get(IN_FLOAT64)
        kind = DoubleTensorType if in_float64 else type(inputs[0].type)
        for name in names:
            operator.outputs.append(scope.declare_local_variable(name, kind()))
        return operator.outputs

    return parse


def _floats(declared: data_types.TensorType, shape: list) -> data_types.TensorType:
    """Return the type of floats that an output was declared with, float32 for integers.

    Ensembles of scikit-learn count on the type that they declare for what is within them.
    """
    return (DoubleTensorType if isinstance(declared, DoubleTensorType) else FloatTensorType)(shape)


def _network_shapes(operator):
    estimator = operator.raw_operator
    targets, values = estimator._targets, operator.outputs[-1]
    if not isinstance(estimator, ClassifierMixin):
        values.type = _floats(values.type, [None, targets.n_units])
        return
    label = operator.outputs[0]
    several = targets.kind == "multilabel"
    classes = _label_array(estimator)
    label.type = tensor_type(classes.dtype, [None, targets.n_units] if several else [None])
    values.type = _floats(values.type, [None, len(classes)])


def _label_array(classifier: Any) -> np.ndarray:
    """Return a classifier's labels in a dtype that ONNX has."""
    classes = np.asarray(classifier.classes_.tolist())  # strings, if they were objects
    return classes.astype(np.int64) if classes.dtype.kind in "iu" else classes


@own_settings()
def _convert_network(scope, operator, container):
    estimator = operator.raw_operator
    model, targets = estimator.model_, estimator._targets
    check_model(model)
    graph = Graph(scope, container, computed_in(estimator))
    if isinstance(estimator, TabularNetworks):
        inputs = [Value(add_table(graph, estimator.encoder_, operator.inputs))]
    else:
        inputs = network_inputs(graph, estimator, operator.inputs)
    (outputs,) = add_model(graph, model, *inputs)
    outputs = _linked(graph, targets, outputs)
    given = operator.outputs[-1]
    in_float64 = isinstance(given.type, DoubleTensorType)
    last = Graph(scope, container, np.float64 if in_float64 else np.float32)
    values = last.cast(outputs, last.dtype)
    if not isinstance(estimator, ClassifierMixin):
        last.give(_in_units(last, targets, outputs, values), given)
        return
    label = operator.outputs[0]
    above = graph.cast(graph("Greater", outputs, 0.5), np.int64)
    if targets.kind == "multilabel":
        graph.give(above, label)
    else:
        if targets.kind == "binary":
            values = last("Concat", last("Sub", 1.0, values), values, axis=1)
            codes = graph("Reshape", above, np.array([-1], np.int64))
        else:
            codes = graph("ArgMax", outputs, axis=1, keepdims=0)
            values = _summing_to_one(last, targets, values)
        classes = _label_array(estimator)
        names = graph.constant(classes, classes.dtype)
        graph.give(graph("Gather", names, codes), label)
    last.give(values, given)


def _in_units(last, targets, outputs, values):
    """Return values in the units of y, computed in float64 as `predict` does."""
    if targets.scale is None:
        return values
    wide = last.of_dtype(np.float64)
    values = wide("Mul", wide.cast(outputs, np.float64), targets.scale.deviation)
    return last.cast(wide("Add", values, targets.scale.mean), last.dtype)


def _summing_to_one(graph, targets, values):
    sums = graph.reduced("ReduceSum", values, 1)
    if not getattr(targets, "each_for_itself", False):
        return graph("Div", values, sums)
    known = graph("Greater", sums, 0.0)  # sigmoids may all be zero
    shares = graph("Div", values, graph("Where", known, sums, 1.0))
    return graph("Where", known, shares, 1 / targets.n_units)


def _linked(graph, targets, outputs):
    """Return a network's outputs, as probabilities where they are logits."""
    link = getattr(targets, "link", None)
    if link is not None:
        outputs = graph("Sigmoid", outputs) if link == "sigmoid" else graph("Softmax", outputs)
    return outputs


def _reshaper_shapes(operator):
    operator.outputs[0].type = FloatTensorType([None, *operator.raw_operator.image_shape_])


def _convert_reshaper(scope, operator, container):
    reshaper = operator.raw_operator
    graph = Graph(scope, container, np.float32)
    x = graph("Div", graph.joined(operator.inputs), 1 / reshaper.scale_)
    shape = np.array([-1, *reshaper.image_shape_], np.int64)
    graph.give(graph("Reshape", x, shape), operator.outputs[0])


def _encoder_shapes(operator):
    encoder = operator.raw_operator
    dtype = numbers_in(operator) if encoder.dtype is None else encoder.dtype
    operator.outputs[0].type = tensor_type(dtype, [None, encoder.n_features_out_])


def _convert_encoder(scope, operator, container):
    encoder, output = operator.raw_operator, operator.outputs[0]
    graph = Graph(scope, container, np.float64)
    encoded = add_encoder(graph, encoder, graph.joined(operator.inputs))
    if not isinstance(output.type, DoubleTensorType):
        encoded = graph.cast(encoded, np.float32)
    graph.give(encoded, output)


def _convert_inverse(scope, operator, container):
    transformer = operator.raw_operator.transformer
    if type(transformer) not in INVERSES:
        raise ValueError(
            f"to_onnx cannot convert the inverse of {type(transformer).__name__}, the transformer "
            "of a TransformedTargetRegressor. It converts those of "
            f"{', '.join(sorted(cls.__name__ for cls in INVERSES))}."
        )
    graph = Graph(scope, container, np.float64)
    x = graph.joined(operator.inputs)
    graph.give(INVERSES[type(transformer)](graph, transformer, x), operator.outputs[0])


def _same_shapes(operator):
    operator.outputs[0].type = DoubleTensorType(operator.inputs[0].type.shape)


def converts(cls: type) -> bool:
    """Tell whether parts of a class are converted here, not by skl2onnx."""
    return cls in CONVERTERS or issubclass(
        cls, (*NETWORKS, ImageReshaper, PiecewiseLinearEncoder, Inverse)
    )
