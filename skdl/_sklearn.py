"""The private scikit-learn names that skdl uses, imported here and nowhere else.

scikit-learn keeps them private, though authors of estimators need them;
gathered in one place, a rename is mended once.
"""

from sklearn.base import BaseEstimator
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as rows_of
from sklearn.utils._metadata_requests import MetadataRequest, MethodMetadataRequest
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils._repr_html.fitted_attributes import AttrsDict
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

# Of an object's public attributes, as the diagrams of estimators show them.
fitted_attributes = BaseEstimator._get_fitted_attr_html


def propagated_callbacks(estimator: BaseEstimator) -> list:
    """Return the scikit-learn callbacks of an estimator and of the fit that it is part of."""
    parent = getattr(estimator, "_parent_callback_ctx", None)
    return [*getattr(estimator, "_skl_callbacks", ()), *getattr(parent, "_callbacks", ())]


__all__ = [
    "AttrsDict",
    "HasMethods",
    "Interval",
    "MetadataRequest",
    "MethodMetadataRequest",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "fitted_attributes",
    "propagated_callbacks",
    "rows_of",
]
