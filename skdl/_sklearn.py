"""The private scikit-learn names that skdl uses, imported here and nowhere else.

scikit-learn keeps them private, though authors of estimators need them;
gathered in one place, a rename is mended once.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = ["HasMethods", "Interval", "StrOptions", "check_sample_weight", "fit_context"]
