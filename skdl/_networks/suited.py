"""Which losses and metrics of Keras have a meaning for which targets, and with which settings.

Keras decides by shapes alone: F1 of one sigmoid unit takes the larger of one number, hinge losses
take probabilities for margins, and both return numbers. Here every loss and metric of Keras is
taken, set as it has to be, or refused for a reason that is said. Functions and classes of users
are taken as they are.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from skdl._common.counts import counted
from skdl._networks.keras import keras
from skdl._networks.objects import check_name, deserialized

# Losses and metrics that are functions go by the function's name, the others by the class's.
_ONE_UNIT_PER_CLASS = {
    "categorical_accuracy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy", "categorical_hinge", "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU",
}  # fmt: skip
# Their labels are numbers of classes, though the name does not begin with "sparse".
_SPARSE = {"categorical_generalized_cross_entropy"}
_OF_VALUES = {
    "binary_crossentropy", "concordance_correlation", "cosine_similarity", "huber",
    "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "pearson_correlation", "poisson",
    "R2Score", "RootMeanSquaredError",
}  # fmt: skip
_BETWEEN_UNITS = {"cosine_similarity", "concordance_correlation", "pearson_correlation"}
# Reasons for which nothing can be measured, whatever the targets.
_WITHOUT_MEANING = {
    "accuracy": "counts outputs that equal the target to the last digit, which is not what the "
    "name 'accuracy' measures",
    "circle": "compares embeddings of the rows of a batch with one another, not outputs with "
    "targets",
    "ctc": "aligns sequences, which the targets of tables, texts and images are not",
    "hinge": "needs outputs from -1 to 1, but those here are probabilities or values",
    "squared_hinge": "needs outputs from -1 to 1, but those here are probabilities or values",
    "Mean": "averages one kind of numbers and takes no targets",
    "Sum": "adds up one kind of numbers and takes no targets",
}
# The same for classes, of losses alone and of both.
_NO_LOSS_OF_CLASSES = {
    "mean_squared_logarithmic_error": "is not smallest where an output is the probability of a "
    "class, so that predicted labels would be wrong",
}
_NOT_OF_CLASSES = {
    "mean_absolute_percentage_error": "divides by the targets, of which many are 0 for classes",
}
# With a sigmoid per label.
_NOT_OF_SIGMOIDS = {
    "kl_divergence": "asks nothing of labels that are 0, so that every output would grow to 1",
}
# With a softmax over classes, whose logits Keras hands to these as if they were those of sigmoids.
_NOT_OF_SOFTMAX = dict.fromkeys(
    ("binary_crossentropy", "binary_focal_crossentropy"),
    "takes each class for a sigmoid of its own, but several classes share one softmax",
)
_NOT_OF_LABELS = {
    "concordance_correlation": "is not defined for rows that have all labels or none",
    "pearson_correlation": "is not defined for rows that have all labels or none",
}
_NO_LOSS_OF_LABELS = {
    "cosine_similarity": "is the same for outputs of any size, so that no label would be above "
    "or below one half",
}
# Of outputs between 0 and 1 alone; for those that Keras makes of logits there is from_logits.
_OF_PROBABILITIES = {"dice", "kl_divergence", "poisson", "tversky"}
# They have a target's value for the best output, which no logit is.
_TOWARDS_TARGETS = {
    "huber", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error",
}  # fmt: skip
# What makes probabilities of logits, by the kind of targets.
LINKS = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid"}
BY_SHAPE = "accuracy by shape"  # the names for which Keras takes one of three metrics


def identify(parameter: str, value: Any) -> tuple[str | None, dict[str, Any]]:
    """Return the name under which a loss or metric of Keras is listed here, and its settings.

    The name is None for what users write, also for subclasses that compute something of their
    own.
    """
    if isinstance(value, str):
        if parameter == "metrics" and value.lower() in {"acc", "accuracy"}:
            return BY_SHAPE, {}
        check_name(parameter, value)
        value = getattr(keras, "metrics" if parameter == "metrics" else "losses").get(value)
    value = deserialized(parameter, value)
    settings: dict[str, Any] = {}
    while isinstance(value, functools.partial):
        value, settings = value.func, {**value.keywords, **settings}
    if isinstance(value, type) and _is_kerass(value):
        return _name_of_class(value), settings
    if not isinstance(value, keras.losses.Loss | keras.metrics.Metric):
        return (getattr(value, "__name__", None) if _is_kerass(value) else None), settings
    computing = ("call",) if isinstance(value, keras.losses.Loss) else ("update_state", "result")
    if not all(_is_kerass(getattr(type(value), method)) for method in computing):
        return None, settings
    function = getattr(value, "fn", getattr(value, "_fn", None))
    if function is None:
        settings = value.get_config()
        return next(_name_of_class(c) for c in type(value).__mro__ if _is_kerass(c)), settings
    settings = getattr(value, "_fn_kwargs", {})
    return (function.__name__ if _is_kerass(function) else None), settings


def _is_kerass(thing: Any) -> bool:
    return (getattr(thing, "__module__", None) or "").partition(".")[0] == "keras"


def _name_of_class(cls: type) -> str:
    """Return the function's name for a class that Keras makes of a function."""
    try:
        made = cls()
    except TypeError:  # it has arguments without defaults
        return cls.__name__
    function = getattr(made, "fn", getattr(made, "_fn", None))
    return cls.__name__ if function is None else function.__name__


def target_form(loss: Any, metrics: Any) -> str | None:
    """Return "sparse" or "one_hot" where a loss or metric asks for one form of class labels."""
    given = [("loss", loss), *(("metrics", metric) for metric in listed(metrics))]
    forms = {form for form in (_form(*each) for each in given) if form}
    if len(forms) > 1:
        raise ValueError(
            "loss and metrics need the class labels in different forms: received "
            f"loss={loss!r}, metrics={metrics!r}. Use names that all begin with 'sparse_', or none."
        )
    return forms.pop() if forms else None


def _form(parameter, value):
    if parameter == "loss" and isinstance(value, str) and value == "auto":
        return None
    name, _ = identify(parameter, value)
    if name in {BY_SHAPE, "IoU", "MeanIoU"}:
        return None
    if name is None:  # of users, by what they call it
        while isinstance(value, functools.partial):
            value = value.func
        name = getattr(value, "__name__", type(value).__name__)
    return "sparse" if name.lower().startswith("sparse") or name in _SPARSE else "one_hot"


def listed(metrics: Any) -> list:
    """Return the metrics as a list."""
    if metrics is None:
        return []
    return list(metrics) if isinstance(metrics, list | tuple | np.ndarray) else [metrics]


def check_suited(parameter: str, value: Any, kind: str, n_units: int, logits: bool = False) -> None:
    """Raise a ValueError if a loss or metric has no meaning for targets of a kind.

    Parameters
    ----------
    parameter : {"loss", "metrics"}
        What the value is.
    value : str, dict, callable or object
        The loss, or one metric.
    kind : {"binary", "multiclass", "multilabel", "values"}
        Of the targets.
    n_units : int
        Number of output units.
    logits : bool, default=False
        Whether a metric may be one of logits, from which a network's outputs become probabilities.
    """
    name, settings = identify(parameter, value)
    if logits and name is not None and is_of_logits(name, settings):
        settings = {**settings, "from_logits": False}
        name = None if "hinge" in name and name not in _ONE_UNIT_PER_CLASS else name
    why = _why_not(parameter, name, settings, kind, n_units)
    if why is None:
        return
    if kind == "values":
        other = "huber" if parameter == "loss" else "mean_absolute_error"
        remedy = f"Use one of values, such as 'mean_squared_error' or {other!r}, or a classifier"
    elif parameter == "loss":
        remedy = "Use loss='auto', which fits any classes"
    elif kind == "multiclass":
        remedy = "Use metrics such as 'accuracy', 'auc' or 'f1_score'"
    else:
        remedy = "Use metrics such as 'accuracy', 'binary_accuracy' or 'f1_score'"
    raise ValueError(f"{parameter}={value!r} {why}. {remedy}.")


def is_of_logits(name: str | None, settings: dict[str, Any]) -> bool:
    """Tell whether a metric of Keras, as `identify` names it, is made for logits by its settings.

    Those are `from_logits`, margins, and a threshold of 0, above which all probabilities are.
    """
    if name is None:
        return False
    threshold = settings.get("threshold", settings.get("thresholds"))
    at_zero = threshold is not None and np.size(threshold) > 0 and np.max(threshold) <= 0
    return bool(settings.get("from_logits")) or "hinge" in name or bool(at_zero)


def check_suited_to_logits(loss: Any, kind: str, n_units: int) -> None:
    """Raise a ValueError if a loss has no meaning for a classifier's outputs that are logits.

    Parameters
    ----------
    loss : str, dict, callable or object
        The loss.
    kind : {"binary", "multiclass", "multilabel"}
        Of the targets.
    n_units : int
        Number of output units.
    """
    name, _ = identify("loss", loss)
    why = None
    if name in _OF_PROBABILITIES:
        why = "takes probabilities, but the outputs are not: let the last layer give them"
    elif kind != "multiclass" and name in _ONE_UNIT_PER_CLASS:
        why = f"needs one unit per class, but with {kind} targets each unit stands for itself"
    elif name in _BETWEEN_UNITS and n_units == 1:
        why = "compares the outputs of a row with one another, and there is only one"
    elif name in _TOWARDS_TARGETS:
        why = (
            "brings the outputs near to 0 and 1, but they are logits, of which the probability of "
            f"0 is one half: let the last layer have activation={LINKS[kind]!r}"
        )
    elif name in _WITHOUT_MEANING and "hinge" not in name:
        why = _WITHOUT_MEANING[name]
    if why is not None:
        raise ValueError(f"loss={loss!r} {why}. Use loss='auto', which fits any classes.")


def _why_not(parameter, name, settings, kind, n_units):
    """Return why a loss or metric has no meaning for targets; None if it has one."""
    if name is None:
        return None
    if name in _WITHOUT_MEANING:
        return _WITHOUT_MEANING[name]
    if kind not in {"multiclass", "values"} and name in _ONE_UNIT_PER_CLASS:
        return f"needs one unit per class, but {kind} targets train sigmoid units"
    if settings.get("from_logits"):
        return "has from_logits=True, but the output layer gives probabilities"
    if name in _BETWEEN_UNITS and n_units == 1:
        return "compares the outputs of a row with one another, and there is only one"
    if kind == "values":
        if name == "kl_divergence" and n_units == 1:
            return "is of outputs that sum to 1, and there is only one"
        return None if name in _OF_VALUES else "is one of classes, but a regressor predicts values"
    reasons = dict(_NOT_OF_CLASSES)
    if parameter == "loss":
        reasons |= _NO_LOSS_OF_CLASSES
    if kind == "multiclass":
        reasons |= _NOT_OF_SOFTMAX
    else:
        reasons |= _NOT_OF_SIGMOIDS
    if kind == "multilabel":
        reasons |= _NOT_OF_LABELS | (_NO_LOSS_OF_LABELS if parameter == "loss" else {})
    return reasons.get(name) or _unfit_setting(name, settings, kind, n_units)


def _unfit_setting(name, settings, kind, n_units):
    """Return which setting of a metric does not fit the number of units; None if all do."""
    if (number := settings.get("class_id")) is not None and not 0 <= number < n_units:
        return f"has class_id={number}, but there are {n_units} output unit(s), counted from 0"
    if settings.get("top_k") is not None and n_units == 1:
        return f"has top_k={settings['top_k']}, but there is only one output unit"
    if settings.get("num_classes", n_units) != n_units and name != "BinaryIoU":
        return (
            f"has num_classes={settings['num_classes']}, but y has "
            f"{counted(n_units, 'class', 'classes')}"
        )
    if settings.get("from_sorted_ids"):
        return "has from_sorted_ids=True, but the output layer gives probabilities"
    return None


def suited_metrics(
    metrics: Any, kind: str, n_units: int, one_hot: bool = False, logits: bool = False
) -> Any:
    """Return metrics with the settings that these targets need, each of them checked.

    Parameters
    ----------
    metrics : str, dict, callable, object, list of them or None
        As given by the user.
    kind, n_units
        Of the targets; see `check_suited`.
    one_hot : bool, default=False
        Whether the targets of several classes are columns of zeros and ones.
    logits : bool, default=False
        Whether the network's outputs are logits.
    """
    for metric in listed(metrics):
        check_suited("metrics", metric, kind, n_units, logits)
    return [_set(metric, kind, one_hot) for metric in listed(metrics)]


def _set(metric, kind, one_hot):
    """Return a metric with the settings that targets of a kind need."""
    name, settings = identify("metrics", metric)
    if name == BY_SHAPE:  # for several labels Keras would look at the largest output alone
        several = kind == "multilabel"
        return keras.metrics.BinaryAccuracy(name=str(metric)) if several else metric
    changed = {}
    if name in {"F1Score", "FBetaScore"} and kind != "multiclass":
        changed = {} if settings.get("threshold") is not None else {"threshold": 0.5}
        if kind == "binary":
            changed["average"] = "micro"  # one number, that of the second class
    elif name in {"IoU", "MeanIoU"}:
        changed = {"sparse_y_true": not one_hot, "sparse_y_pred": False}
    elif name in {"OneHotIoU", "OneHotMeanIoU"}:
        changed = {"sparse_y_pred": False}
    if all(settings.get(key, changed) == value for key, value in changed.items()):
        return metric
    metric = keras.metrics.get(metric) if isinstance(metric, str) else metric
    metric = deserialized("metrics", metric() if isinstance(metric, type) else metric)
    return type(metric).from_config({**metric.get_config(), **changed})
