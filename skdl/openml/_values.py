"""Which values OpenML stores, and what to pass in place of the others."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from skdl.openml._limits import MAX_VALUE, check_description, check_size
from skdl.openml._server import fewer_remarks, import_openml

if TYPE_CHECKING:
    from openml.flows import OpenMLFlow


def check_model(model: BaseEstimator) -> None:
    """Raise an error if OpenML cannot store a model.

    `run_on_task` does this itself; call it before `openml.runs.run_model_on_task`.

    Parameters
    ----------
    model : estimator
        Any scikit-learn estimator.

    Raises
    ------
    ImportError
        If openml is not installed.
    ValueError
        If OpenML cannot store a parameter, the name of a step or the model as a whole. The
        message names it and what to pass instead.

    See Also
    --------
    run_on_task : Runs a model on a task.

    Notes
    -----
    OpenML stores numbers, text, lists, dicts with str keys, functions of importable modules,
    splitters and estimators, each value as at most 2048 characters. Optimizers, losses,
    activations, initializers and metrics are stored as their Keras name or configuration. Names of
    steps consist of ASCII letters, digits, "_", "-" and ".", at most 128 characters; all steps
    together may have at most 60 parameters, not counting those whose value is an estimator. A model
    may contain each kind of step only once in all its parts: `OneHotEncoder` treats missing values
    as a category of their own, so that only numbers need a `SimpleImputer`.

    Examples
    --------
    >>> from skdl import DenseClassifier
    >>> from skdl.openml import check_model
    >>> check_model(DenseClassifier(optimizer="sgd"))  # doctest: +SKIP
    """
    import_openml("check_model")
    check_size(checked_flow(model))


def checked_flow(model: BaseEstimator) -> OpenMLFlow:
    """Return OpenML's description of a model, all of which the server can store.

    Only the number of its parameters is left to be checked, which hinders no run that is
    kept on this machine.
    """
    from openml.extensions.sklearn import SklearnExtension

    extension = SklearnExtension()
    for name, value in model.get_params(deep=True).items():
        if name in ("param_grid", "param_distributions"):
            _check_candidates(name, value)
        if _has_steps(value):
            _check_columns(name, value)
        elif not hasattr(value, "get_params"):
            _check_value(extension, name, value)
    try:
        with fewer_remarks():
            flow = extension.model_to_flow(model)
    except Exception as error:  # of many types
        raise ValueError(f"OpenML cannot describe this model: {error}") from error
    check_description(flow)
    return flow


def _has_steps(value: Any) -> bool:
    """Tell whether a value is a list of named steps, whose parameters have their own names."""
    return isinstance(value, list | tuple) and any(
        isinstance(item, list | tuple) and len(item) > 1 and hasattr(item[1], "get_params")
        for item in value
    )


def _check_columns(name: str, steps: Any) -> None:
    for step in steps:
        columns = step[2] if len(step) > 2 else []
        if not isinstance(columns, list) and not hasattr(columns, "__code__"):
            raise ValueError(
                f"OpenML cannot store the columns {columns!r} of step {step[0]!r} in {name}: pass "
                "a list of columns, or cat or cont from openml.extensions.sklearn."
            )


def _check_candidates(name: str, grids: Any) -> None:
    """Refuse what openml cannot write into the trace of a search, as it sees after a fold."""
    for grid in [grids] if isinstance(grids, Mapping) else grids:
        for parameter, candidates in grid.items():
            for value in candidates if np.iterable(candidates) else ():
                plain = value.item() if isinstance(value, np.generic) else value
                listed = isinstance(plain, list | tuple) and all(isinstance(i, int) for i in plain)
                if not (plain is None or listed or isinstance(plain, bool | int | float | str)):
                    raise ValueError(
                        f"OpenML cannot store the candidate {reprlib.repr(value)} in "
                        f"{name}[{parameter!r}]: pass numbers, text, None or lists of int."
                    )


def _check_value(extension: Any, name: str, value: Any) -> None:
    if _is_stored(extension, value):
        return
    length = len(json.dumps(value, default=str)) if isinstance(value, str | list | Mapping) else 0
    if length > MAX_VALUE:
        reason = f"it has {length} characters as JSON, and {MAX_VALUE} are the most"
    else:
        name, value = _culprit(extension, name, value)
        reason = f"pass {_instead(value)}"
    raise ValueError(f"OpenML cannot store {name}={reprlib.repr(value)}: {reason}.")


def _is_stored(extension: Any, value: Any) -> bool:
    """Tell whether openml gives a value back as it was, but for tuples, which become lists."""
    try:
        stored = json.dumps(extension.model_to_flow(value))
        back = extension.flow_to_model(stored)
    except Exception:  # of many types, for what openml does not know
        return False
    return len(stored) <= MAX_VALUE and _same(back, value)


def _same(back: Any, value: Any) -> bool:
    if isinstance(value, list | tuple):
        return len(back) == len(value) and all(map(_same, back, value))
    if isinstance(value, Mapping):
        return back.keys() == value.keys() and all(_same(back[key], value[key]) for key in value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str | int | float):  # text that reads as a number can become one
        return type(back) is type(value) and (back == value or value != value)
    # A function of a script or notebook cannot be imported elsewhere.
    return not callable(value) or (back is value and value.__module__ != "__main__")


def _culprit(extension: Any, name: str, value: Any) -> tuple[str, Any]:
    """Return the innermost part of a value that cannot be stored, with its name."""
    parts: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else ()
    if isinstance(value, list | tuple):
        parts = enumerate(value)
    for key, part in parts:
        if not _is_stored(extension, part):
            return _culprit(extension, f"{name}[{key!r}]", part)
    return name, value


def _instead(value: Any) -> str:
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return "an int or None"
    if hasattr(value, "on_epoch_end"):
        return (
            "the callback's name, for one with its defaults, or early_stopping and patience "
            "in place of EarlyStopping"
        )
    if hasattr(value, "get_config") and not isinstance(value, type):
        return "its Keras name, or the dict that keras.saving.serialize_keras_object makes of it"
    if isinstance(value, Mapping):
        return "a dict of text and numbers, whose keys are text that does not read as a number"
    if callable(value):
        return "a function that can be imported from a module"
    return "numbers, text, None, or lists or dicts of them"
