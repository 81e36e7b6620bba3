"""Arguments that a method does not take: the error names the public class and says what to do."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from skdl._common.remedies import remedy_of
from skdl._sklearn import Interval, InvalidParameterError

_TRAINING = ("__init__", "fit", "partial_fit")
_USING = ("predict", "predict_proba", "predict_log_proba", "transform", "fit_transform")
# What other libraries call the parameters of the constructors here, and what else is meant.
_SAME = {
    "alpha": "l2",
    "build_fn": "model",
    "criterion": "loss",
    "dropout_rate": "dropout",
    "hidden_layers": "hidden_layer_sizes",
    "hidden_units": "hidden_layer_sizes",
    "input_shape": "image_shape",
    "learning_rate_init": "learning_rate",
    "lr": "learning_rate",
    "max_epochs": "epochs",
    "max_features": "max_words",
    "max_iter": "epochs",
    "module": "model",
    "n_epochs": "epochs",
    "n_iter": "epochs",
    "n_estimators": "n_members",
    "n_iter_no_change": "patience",
    "nb_epoch": "epochs",
    "num_epochs": "epochs",
    "num_words": "max_words",
    "seed": "random_state",
    "solver": "optimizer",
    "units": "hidden_layer_sizes",
    "validation_fraction": "validation_split",
    "x": "X",
}
_VALIDATION = "Give validation rows to fit, as X_val and y_val: fit(X, y, X_val=..., y_val=...)."
_REMEDIES = {
    "eval_set": _VALIDATION,
    "initial_epoch": "Use warm_start=True or partial_fit to go on training.",
    "kernel_regularizer": "Use l1 and l2.",
    "n_jobs": "A network uses the threads of the process as it is; give n_jobs to what fits many, "
    "such as GridSearchCV or cross_val_score.",
    "validation_batch_size": "Validation uses the constructor's batch_size.",
    "validation_data": _VALIDATION,
}


class ExplainedArguments:
    """Makes constructors and methods of subclasses say what to do with an argument they lack."""

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        for name in (*_TRAINING, *_USING):
            if inspect.isfunction(vars(cls).get(name)):
                setattr(cls, name, _explained(vars(cls)[name]))

    def set_params(self, **params: Any) -> Self:
        """Set parameters.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter; the message lists the existing ones.
        """
        try:
            super().set_params(**params)  # type: ignore[misc]
        except ValueError as error:
            own = inspect.signature(type(self).__init__).parameters.keys()
            unknown = [name for name in params if name.partition("__")[0] not in own]
            if not unknown or not str(error).startswith("Invalid parameter"):
                raise
            remedy = _remedy(type(self), "set_params", unknown[0], frozenset())
            raise ValueError(f"{error}{remedy}") from None
        return self

    def _validate_params(self) -> None:
        """Have scikit-learn check the parameters, and say what to give instead."""
        self._check_no_number_is_true()
        try:
            super()._validate_params()  # type: ignore[misc]
        except ValueError as error:
            for name in inspect.signature(type(self).__init__).parameters.keys() - {"self"}:
                if str(error).startswith(f"The {name!r} parameter "):
                    remedy = remedy_of(name, getattr(self, name))
                    raise type(error)(f"{error} {remedy}".rstrip()) from None
            raise

    def _check_no_number_is_true(self):
        """Refuse True where a number is meant: Python would take it for 1."""
        for name, allowed in self._parameter_constraints.items():
            value = getattr(self, name, None)
            if value is not True and not (isinstance(value, np.bool_) and value):
                continue
            if any(isinstance(each, Interval) for each in allowed) and "boolean" not in allowed:
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must be a number, received "
                    f"True. {remedy_of(name, True)}".rstrip()
                )

    @classmethod
    def _advice_on_argument(cls, method: str, unknown: str) -> str:
        """Return what a class has to say about an argument of a method, "" for nothing."""
        return ""


def _explained(method: Callable) -> Callable:
    """Return a method that explains its own errors of arguments, otherwise the same."""
    signature = inspect.signature(method)
    parameters = signature.parameters.values()
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    ordered = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"]
    needed = [p.name for p in ordered if p.default is p.empty]
    named = [p for p in parameters if p.name != "self"]

    @functools.wraps(method)
    def explained(self, *args, **kwargs):
        if not takes_any and not kwargs.keys() <= signature.parameters.keys():
            unknown = next(name for name in kwargs if name not in signature.parameters)
            raise TypeError(_message(type(self), method.__name__, signature, unknown))
        if len(args) > len(ordered) or not kwargs.keys() >= set(needed[len(args) :]):
            try:
                signature.bind(self, *args, **kwargs)
            except TypeError as error:
                name = _called(type(self), method.__name__)
                shown = f"{name[:-2]}{_shown(ordered or named)}"
                raise TypeError(f"{name}: {error}. It is {shown}.") from None
        return method(self, *args, **kwargs)

    return explained


def _called(cls, method):
    return f"{cls.__name__}()" if method == "__init__" else f"{cls.__name__}.{method}()"


def _shown(parameters):
    """Return parameters as they are written, without annotations."""
    return str(inspect.Signature([p.replace(annotation=p.empty) for p in parameters]))


def _message(cls, method, signature, unknown):
    """Return what to say about an argument that is not among the parameters."""
    error = f"{_called(cls, method)} got an unexpected keyword argument {unknown!r}."
    own = signature.parameters.keys() - {"self"}
    if method in _USING:
        return f"{error} It takes {', '.join(list(signature.parameters)[1:])}."
    return error + _remedy(cls, method, unknown, own)


def _remedy(cls, method, unknown, own):
    """Return what to do instead of giving an argument, `own` being those of the method."""
    constructor = inspect.signature(cls.__init__).parameters.keys() - {"self"}
    known = own | constructor | (inspect.signature(cls.fit).parameters.keys() - {"self"})
    meant = _SAME.get(unknown, unknown)
    if meant not in known:
        if unknown in _REMEDIES:
            return f" {_REMEDIES[unknown]}"
        close = difflib.get_close_matches(unknown, known, n=1, cutoff=0.7)
        if not close:
            advice = cls._advice_on_argument(method, unknown)
            return f" {advice}" if advice else ""
        meant = close[0]
    if meant in own or (method == "set_params" and meant in constructor):
        return f" Use {meant}."
    if meant in constructor:
        call = f"{cls.__name__}({meant}=...)"
        return f" Give {meant} to the constructor, {call}, or to set_params."
    return f" Give {meant} to fit."
