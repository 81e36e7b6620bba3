"""The private scikit-learn names that skdl uses, imported here and nowhere else.

scikit-learn keeps them private, though authors of estimators need them;
gathered in one place, a rename is mended once.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import _safe_indexing as rows_of
from sklearn.utils._metadata_requests import MetadataRequest, MethodMetadataRequest
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sklearn.utils.validation import _check_feature_names_in as feature_names_of
from sklearn.utils.validation import _check_sample_weight

try:  # scikit-learn 1.9 has callbacks, and diagrams that show what is fitted
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
    from sklearn.utils._repr_html.fitted_attributes import AttrsDict

    # Of an object's public attributes, as the diagrams of estimators show them.
    fitted_attributes = BaseEstimator._get_fitted_attr_html
    HAS_CALLBACKS = True
except ImportError:
    AttrsDict, fitted_attributes = object, dict
    HAS_CALLBACKS = False

    class _UnheardTask:
        """The task of a fit, or of an epoch, that no callback is told of."""

        def subcontext(self, **kwargs):
            return self

        def call_on_fit_task_begin(self, **kwargs):
            pass

        def call_on_fit_task_end(self, **kwargs):
            return False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands for the mixin of scikit-learn 1.9; estimators have no `set_callbacks`."""

        def _init_callback_context(self, **kwargs):
            return _UnheardTask()

    def _with_callbacks(fit):
        """Return a method as it is."""
        return fit


# Before 1.9, scikit-learn did not look whether all weights are zero.
_KNOWS_ZERO_WEIGHTS = "allow_all_zero_weights" in inspect.signature(_check_sample_weight).parameters

_Method = TypeVar("_Method", bound=Callable[..., Any])


def with_callbacks(method: _Method) -> _Method:
    """Let scikit-learn's callbacks know of a fit; the method keeps its type."""
    return _with_callbacks(method)


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[_Method], _Method]:
    """Have scikit-learn check the parameters before a fit; the method keeps its type."""
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)


def check_sample_weight(
    sample_weight: Any, X: Any, *, allow_all_zero_weights: bool = False, **checks: Any
) -> Any:
    """Return checked weights, of which one at least is not zero unless all may be."""
    if _KNOWS_ZERO_WEIGHTS:
        checks["allow_all_zero_weights"] = allow_all_zero_weights
        return _check_sample_weight(sample_weight, X, **checks)
    weight = _check_sample_weight(sample_weight, X, **checks)
    if not allow_all_zero_weights and not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def propagated_callbacks(estimator: BaseEstimator) -> list:
    """Return the scikit-learn callbacks of an estimator and of the fit that it is part of."""
    of_parent = getattr(parent_task(estimator), "_callbacks", ())
    return [*getattr(estimator, "_skl_callbacks", ()), *of_parent]


def parent_task(estimator: BaseEstimator) -> Any:
    """Return the task that the fit of an estimator is within another estimator's, or None."""
    return getattr(estimator, "_parent_callback_ctx", None)


__all__ = [
    "HAS_CALLBACKS",
    "AttrsDict",
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "MetadataRequest",
    "MethodMetadataRequest",
    "Options",
    "StrOptions",
    "check_sample_weight",
    "feature_names_of",
    "fit_context",
    "fitted_attributes",
    "parent_task",
    "propagated_callbacks",
    "rows_of",
    "with_callbacks",
]
