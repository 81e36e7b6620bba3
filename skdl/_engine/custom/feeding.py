"""Rows as a user's network takes them: shapes, dtypes, tokens that its embeddings know."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._common.counts import counted
from skdl._common.sparse_rows import SparseRows, converts
from skdl._engine.compiled.kernels import is_plain
from skdl._engine.custom.tokens import check_inner_tokens
from skdl._engine.device import memory_bytes
from skdl._engine.rows import ColumnGroups
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

_PASSING = {"Identity", "Cast", "Reshape", "Squeeze", "StopGradient", "ExpandDims"}
_ARITHMETIC = {"AddN", "AddV2", "BiasAdd", "Mean", "Mul", "Neg", "RealDiv", "Sub", "Sum"}
_PRODUCTS = {
    "BatchMatMulV2", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum", "MatMul",
}  # fmt: skip
_LOOKUPS = {"GatherV2", "ResourceGather"}
_PROBABILITIES = {"Sigmoid", "Softmax"}


def described(x: Any) -> tuple[tuple[str | None, tuple, str], ...]:
    """Return name, shape of a row and dtype of each input that the data have."""
    arrays = x.arrays if isinstance(x, ColumnGroups) else {None: x}
    return tuple((name, tuple(a.shape[1:]), _in_network(a.dtype)) for name, a in arrays.items())


def _in_network(dtype):
    """Return the dtype in which a network without inputs of its own is given rows."""
    return "int32" if dtype.kind in "iu" else "float64" if dtype == "float64" else "float32"


def inputs_of(model: keras.Model) -> list[Any] | None:
    """Return the symbolic inputs of a network, None for one that has none to ask for."""
    try:
        return model.inputs
    except AttributeError:
        return None


def token_limits(model: keras.Model, flat: bool = False) -> Any:
    """Return how many tokens there are for each input that an embedding looks up, by its name.

    With `flat`, the embeddings that are so fed.
    """
    limits: dict[str, Any] = {}
    found: list[Any] = []
    for tensor in inputs_of(model) or ():
        for layer in _consumers(model, tensor):
            if isinstance(layer, keras.layers.Embedding):
                limits[tensor.name] = min(limits.get(tensor.name, np.inf), layer.input_dim)
                found.append(layer)
    return list({id(layer): layer for layer in found}.values()) if flat else limits


def _consumers(model, tensor):
    """Yield the layers that take an input of a network, those of networks within it too."""
    model = getattr(model, "_functional", None) or model
    for node in [n for nodes in model._nodes_by_depth.values() for n in nodes]:
        positions = [i for i, each in enumerate(node.input_tensors) if each is tensor]
        for position in positions:
            yield node.operation
            inner = getattr(node.operation, "_functional", None) or node.operation
            if hasattr(inner, "_nodes_by_depth"):
                yield from _consumers(inner, inner.inputs[position])


def zeros_like_inputs(inputs: tuple, n_rows: int) -> Any:
    """Return rows of zeros, as the network takes them."""
    rows = {key: np.zeros((n_rows, *shape), dtype) for key, shape, dtype in inputs}
    return rows.get(None, rows)


def all_tokens_checked(model: keras.Model) -> bool:
    """Tell whether all tokens that embeddings look up are inputs, which are checked."""
    n_embeddings = sum(isinstance(e, keras.layers.Embedding) for e in model._flatten_layers())
    return n_embeddings == len(token_limits(model, flat=True))


def float_dtype(model: keras.Model) -> str:
    """Return the dtype of targets, weights and of inputs that are not said to be others."""
    dtypes = {str(variable.dtype) for variable in model.trainable_variables}
    return "float64" if "float64" in dtypes else "float32"


def output_shape(model: keras.Model, inputs: tuple) -> tuple:
    """Return the shape of a network's outputs, None for the rows.

    Raises
    ------
    ValueError
        If it has several outputs.
    """
    try:
        outputs = model.outputs
        outputs = outputs[0] if len(outputs) == 1 else outputs
    except AttributeError:
        outputs = model(zeros_like_inputs(inputs, 2), training=False)
    if not hasattr(outputs, "shape"):
        n_outputs = len(keras.tree.flatten(outputs))
        raise ValueError(
            f"The network {model.name!r} has {counted(n_outputs, 'output')}. Return a network "
            "with one, whose "
            "units stand for classes, labels or values."
        )
    return (None, *outputs.shape[1:])


def output_operation(model: keras.Model, inputs: tuple) -> str:
    """Return the type of TensorFlow's operation that makes the outputs of any network.

    It is "MatMul" for sums of products with weights, such as a layer's with its bias, but "AddV2"
    for others, such as a sum of sigmoids.
    """
    specs = {key: tf.TensorSpec([None, *shape], dtype) for key, shape, dtype in inputs}
    traced = tf.function(lambda x: model(x, training=False), autograph=False)
    operation = _behind(traced.get_concrete_function(specs.get(None, specs)).outputs[0].op)
    return "MatMul" if _is_made_of_products(operation) else operation.type


def _is_made_of_products(operation: tf.Operation) -> bool:
    """Tell whether sums and means of products with weights are what an operation returns."""
    found, seen = [operation], set()
    while found:
        operation = found.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        sources = [_behind(tensor.op).type for tensor in operation.inputs]
        if operation.type in _PRODUCTS and not _PROBABILITIES.issuperset(sources):
            return True
        if operation.type in _LOOKUPS and "ReadVariableOp" in sources:
            return True
        if operation.type in _PASSING | _ARITHMETIC:
            found += [tensor.op for tensor in operation.inputs]
    return False


def _behind(operation: tf.Operation) -> tf.Operation:
    """Return the operation whose numbers are handed on."""
    while operation.type in _PASSING:
        operation = operation.inputs[0].op
    return operation


def check_rows(model: keras.Model, inputs: tuple, name: str) -> None:
    """Raise a ValueError if a network is not for such rows; the message names both shapes."""
    symbolic = inputs_of(model)
    if symbolic is None:
        return
    given = {key: shape for key, shape, _ in inputs}
    if None in given and len(symbolic) > 1:
        names = [tensor.name for tensor in symbolic]
        raise ValueError(
            f"model={name} returned a network with the inputs {names}, but X is one array. Say "
            f"which columns belong to which: inputs={{{names[0]!r}: [...], ...}}."
        )
    if None not in given:
        named = {tensor.name for tensor in symbolic}
        if named != given.keys():
            raise ValueError(
                f"inputs names {sorted(given)}, but model={name} returned a network with the "
                f"inputs {sorted(named)}. Give each keras.Input the name of its columns."
            )
    for tensor in symbolic:
        wanted, shape = (
            tuple(tensor.shape[1:]),
            given[tensor.name if tensor.name in given else None],
        )
        if not _fits(shape, wanted) and not _fits((*shape, 1), wanted):
            where = f" for its input {tensor.name!r}" if None not in given else ""
            raise ValueError(
                f"model={name} returned a network for rows of shape {wanted}{where}, but those of "
                f"X have shape {shape}. A function that names input_shape is given the shape."
            )


def takes_sparse_rows(model: keras.Model) -> bool:
    """Tell whether a network begins with one dense layer, which needs no zeros."""
    symbolic = inputs_of(model) or ()
    if len(symbolic) != 1 or len(symbolic[0].shape) != 2:
        return False
    consumers = list(_consumers(model, symbolic[0]))
    first = consumers[0]
    known = len(consumers) == 1 and is_plain(first, keras.layers.Dense) and first.use_bias
    return known and first.compute_dtype in {"float32", "float64"}


def _with_zeros(x, name):
    """Return sparse rows as an array."""
    n_bytes = 8 * x.shape[0] * x.shape[1]
    if n_bytes > memory_bytes() / 4:
        raise ValueError(
            f"X is sparse, but the network of model={name} does not begin with a Dense layer, and "
            f"with its zeros X would take {n_bytes / 2**30:.1f} GiB. Give fewer rows or columns, "
            "or let a Dense layer come first."
        )
    return x.toarray()


def _fits(shape, wanted):
    return len(shape) == len(wanted) and all(
        b in (None, a) for a, b in zip(shape, wanted, strict=True)
    )


def as_network_takes(model: keras.Model, x: Any, inputs: tuple, name: str) -> Any:
    """Return rows in dtypes that the network's inputs can be cast from on the device.

    `inputs` are those that the data had when the network was built.

    Raises
    ------
    ValueError
        If a value is too large for the network's floats, has a fraction where the network takes
        whole numbers, or is a token that an embedding does not know.
    """
    if isinstance(x, SparseRows) and not takes_sparse_rows(model):
        x = _with_zeros(x, name)
    limits = token_limits(model)
    symbolic = {tensor.name: tensor for tensor in inputs_of(model) or ()}
    dtypes = {key: dtype for key, _, dtype in inputs}
    if isinstance(x, ColumnGroups):
        x = ColumnGroups({
            key: _for_input(array, symbolic.get(key), limits.get(key), key, dtypes[key])
            for key, array in x.arrays.items()
        })  # fmt: skip
    else:
        tensor = next(iter(symbolic.values()), None)
        limit = limits.get(tensor.name) if tensor is not None else None
        x = _for_input(x, tensor, limit, "X", dtypes[None])
    check_inner_tokens(model, token_limits(model, flat=True), x, inputs, name)
    return x


def _for_input(x, tensor, limit, what, dtype):
    wanted = dtype if tensor is None else str(tensor.dtype)
    floats = wanted if wanted in {"float32", "float64"} else "float32"
    if limit is not None:
        x = _tokens(x, limit, what)
    elif isinstance(x, SparseRows):
        x = _sparse_floats(x, what, floats)
    elif "int" in wanted and x.dtype.kind == "f":
        x = _small_integers(_whole(x, what), wanted)
    elif x.dtype.kind == "f":
        x = _floats(x, what, floats)
    elif x.dtype.itemsize > 4:
        x = _small_integers(x, wanted)
    elif x.dtype.kind == "b":
        x = x.astype(np.uint8)
    if tensor is not None and not isinstance(x, SparseRows) and x.ndim == len(tensor.shape) - 1:
        x = x[..., None]
    return x


def _floats(x, what, dtype, values_of=lambda x: x):
    """Return an array or matrix in a dtype of floats, which must have room for its values."""
    with np.errstate(over="ignore"):
        new = x.astype(dtype, copy=False)
    if x.dtype.itemsize > new.dtype.itemsize and not np.isfinite(values_of(new)).all():
        raise ValueError(f"{what} contains values too large for {dtype}.")
    return new


def _sparse_floats(x, what, dtype):
    """Return sparse rows in a dtype of floats, to which they are converted part by part."""
    if x.dtype == dtype or converts(x.matrix, dtype):
        return x.to(dtype)
    whole = _floats(x.matrix, what, dtype, lambda matrix: matrix.data)
    return SparseRows(whole, whole.dtype, x.positions)


def _whole(x, what):
    """Return floats as integers, which a cast on the device would cut off."""
    if (wrong := x[x != np.floor(x)]).size:
        raise ValueError(
            f"{what} holds {wrong.flat[0]:g}, but the network takes whole numbers there: its input "
            "has an integer dtype, or it was fitted on integers. Give keras.Input a float dtype, "
            "or fit on floats."
        )
    return x.astype(np.int64)


def _small_integers(x, wanted):
    """Return integers in 32 bits where they fit, else in the network's floats."""
    fits = x.size == 0 or (x.min() >= -(2**31) and x.max() < 2**31)
    return x.astype(np.int32 if fits else wanted if wanted.startswith("float") else x.dtype)


def _tokens(x, limit, what):
    """Return token ids as int32."""
    whole = x.dtype.kind in "iub" or bool((x == np.floor(x)).all())
    wrong = x[x != np.floor(x)] if not whole else x[(x < 0) | (x >= limit)]
    if wrong.size:
        raise ValueError(
            f"{what} holds the token {wrong.flat[0]}, but the network's embedding knows whole "
            f"numbers from 0 to {limit - 1} alone (input_dim={limit})."
        )
    return x.astype(np.int32)
