"""The parts that an estimator holds: their classes, and what cannot be converted of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

# Where estimators keep those that they hold, fitted, alone or in a list.
_HOLDING = (
    *("steps", "transformers_", "transformer_list", "estimators_", "estimator_"),
    *("best_estimator_", "regressor_", "final_estimator_"),
)


def classes_of(estimator: BaseEstimator) -> set[type]:
    """Return the classes of all parts, those that only hold others left out."""
    if isinstance(estimator, Pipeline):
        parts = [step for _, step in estimator.steps]
    elif isinstance(estimator, ColumnTransformer):
        parts = [part for _, part, _ in estimator.transformers_]
    elif isinstance(estimator, FeatureUnion):
        parts = [part for _, part in estimator.transformer_list]
    else:
        return {type(estimator)}
    return set().union(*(classes_of(part) for part in parts if not isinstance(part, str)))


def free_axes(estimator: BaseEstimator) -> tuple[int, ...]:
    """Return the axes of X along which the network of a user's takes any number of steps."""
    while isinstance(estimator, Pipeline) and len(estimator.steps) == 1:
        estimator = estimator[0]
    if not hasattr(estimator, "input_shape_") or estimator.inputs is not None:
        return ()
    shapes = [tensor.shape for tensor in getattr(estimator.model_, "inputs", None) or ()]
    if len(shapes) != 1 or len(shapes[0]) != len(estimator.input_shape_) + 1:
        return ()
    return tuple(i for i, n in enumerate(shapes[0]) if n is None)


def check_known(cls: type, skl2onnx: Any) -> None:
    """Raise a ValueError if neither skdl nor skl2onnx converts a class."""
    try:
        skl2onnx.get_model_alias(cls)
    except RuntimeError as error:
        raise ValueError(
            f"to_onnx cannot convert {cls.__name__}: neither skdl nor skl2onnx has a converter for "
            "it. Apply it beforehand, and convert the steps that follow on what it returns, such "
            "as to_onnx(pipeline[1:], pipeline[0].transform(X))."
        ) from error


def check_categories(estimator: BaseEstimator) -> None:
    """Raise a ValueError if an encoder within has learned a category for missing values."""
    if isinstance(estimator, OneHotEncoder | OrdinalEncoder | TargetEncoder):
        names = getattr(estimator, "feature_names_in_", range(estimator.n_features_in_))
        for name, categories in zip(names, estimator.categories_, strict=True):
            missing = [value for value in categories.tolist() if value is None or value != value]
            if missing:
                imputer = (
                    "SimpleImputer(missing_values=None, " if None in missing else ("SimpleImputer(")
                )
                value = "'missing'" if categories.dtype == object else "-1"
                raise ValueError(
                    f"to_onnx cannot convert the missing category {missing[0]!r}, which "
                    f"{type(estimator).__name__} has learned in column {name!r}: ONNX's categories "
                    f"are never missing. Put {imputer}strategy='constant', fill_value={value}) "
                    "before it, and fit again."
                )
    for part in _held(estimator):
        check_categories(part)


def _held(estimator: BaseEstimator) -> Iterator[BaseEstimator]:
    """Yield the fitted estimators that one holds."""
    for value in (getattr(estimator, name, ()) for name in _HOLDING):
        for entry in value if isinstance(value, list) else [value]:
            for part in entry if isinstance(entry, tuple) else [entry]:
                if isinstance(part, BaseEstimator):
                    yield part
