"""The types of tensors that skl2onnx has for NumPy's dtypes, and for what operators are given."""

from __future__ import annotations

from typing import Any

import numpy as np
from skl2onnx.common import data_types
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

_TYPES = {
    "float16": data_types.Float16TensorType,
    "float32": FloatTensorType,
    "float64": DoubleTensorType,
    "bool": data_types.BooleanTensorType,
    "int8": data_types.Int8TensorType,
    "int16": data_types.Int16TensorType,
    "int32": data_types.Int32TensorType,
    "int64": data_types.Int64TensorType,
    "uint8": data_types.UInt8TensorType,
    "uint16": data_types.UInt16TensorType,
    "uint32": data_types.UInt32TensorType,
    "uint64": data_types.UInt64TensorType,
}


def tensor_type(dtype: Any, shape: list) -> data_types.TensorType:
    """Return skl2onnx's type of tensors of a NumPy dtype."""
    dtype = np.dtype(dtype)
    return StringTensorType(shape) if dtype.kind in "OU" else _TYPES[dtype.name](shape)


def numbers_in(operator: Any) -> Any:
    """Return the type in which scikit-learn computes: float64 for integers."""
    types = [variable.type for variable in operator.inputs]
    if isinstance(types[0], StringTensorType):
        return np.str_
    return np.float32 if all(isinstance(t, FloatTensorType) for t in types) else np.float64
