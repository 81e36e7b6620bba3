"""Keras objects among the parameters, in clones and pickles of estimators.

Keras copies and pickles losses, metrics and optimizers by their names, and so raises on the way
back from classes that are not registered with it, such as those of a notebook. Callbacks hold the
model of the fit in which they were called, and may hold what threads share: the storage of a study,
the writer of a log.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from inspect import signature
from typing import Any

from skdl._common.loaded import loaded
from skdl._networks.stand_ins import copiable

# Callbacks that are what their constructors' arguments say, but for the state of a fit.
_ANEW, _REST = {"EarlyStopping", "ReduceLROnPlateau"}, {"kwargs"}
_LOCKS = (type(threading.Lock()), type(threading.RLock()))
# Whose objects copy themselves, locks and all.
_NOT_SEARCHED = {"keras", "numpy", "skdl", "sklearn", "tensorflow"}


class KerasObjectsCopied:
    """Mixin for estimators: parameters that are Keras objects are copied as class and state."""

    def __getstate__(self):
        state = super().__getstate__()
        stand_ins = {name: copiable(state[name]) for name in _parameters(self, state)}
        if "callbacks" in state:
            stand_ins["callbacks"] = _each(_without_model, state["callbacks"])
        return state | stand_ins

    def __deepcopy__(self, memo):
        other = object.__new__(type(self))
        memo[id(self)] = other
        state = self.__getstate__()
        for name in {"callbacks", "_skl_callbacks"} & state.keys():  # the latter: scikit-learn's
            state[name] = _each(_Called, vars(self)[name])
        other.__setstate__(copy.deepcopy(state, memo))
        return other

    def __sklearn_clone__(self):
        stand_in = copy.copy(vars(self))
        for name in _parameters(self, stand_in):
            stand_in[name] = copiable(stand_in[name])
        if "callbacks" in stand_in:
            stand_in["callbacks"] = _each(_Called, stand_in["callbacks"])
        other = object.__new__(type(self))
        vars(other).update(stand_in)
        device = loaded("skdl._engine.device")  # once a network was made
        with nullcontext() if device is None else device.numbered_variables():
            return super(KerasObjectsCopied, other).__sklearn_clone__()


class _Called:
    """Stands for a callback; what copying makes of it is a callback of no model.

    What holds a lock is made to be shared by threads, and so is shared by the copies: the callback
    itself, or a part of it. A copy of it would be written to, and nobody would read it. What cannot
    be copied at all is shared as well.
    """

    def __init__(self, callback: Any):
        self.callback = callback

    def __deepcopy__(self, memo: dict) -> Any:
        callback = _without_model(self.callback)
        shared = {id(part): part for part in _parts_with_locks(callback)}
        if id(callback) in shared:
            return self.callback
        try:
            memo.update(shared)
            return copy.deepcopy(callback, memo)
        except TypeError:  # such as "cannot pickle '_io.TextIOWrapper' object"
            return self.callback


def _parts_with_locks(value: Any) -> Iterator[Any]:
    """Yield the objects that hold a lock among those that an object holds, itself included."""
    seen, found = set(), [value]
    while found:
        value = found.pop()
        if id(value) in seen or isinstance(value, type):
            continue
        seen.add(id(value))
        if isinstance(value, dict | list | tuple | set):
            found += value.values() if isinstance(value, dict) else value
        elif not _copies_itself(type(value)):
            parts = getattr(value, "__dict__", {}).values()
            if any(isinstance(part, _LOCKS) for part in parts):
                yield value
            else:
                found += parts


def _copies_itself(cls: type) -> bool:
    return hasattr(cls, "__deepcopy__") or cls.__module__.partition(".")[0] in _NOT_SEARCHED


def _without_model(callback: Any) -> Any:
    """Return a callback that holds no model, itself if it does not.

    Of those of Keras that begin anew with each fit nothing of the last one is kept: weights of
    the best epoch, for one.
    """
    if getattr(callback, "_model", None) is None:
        return callback
    cls = type(callback)
    if cls.__module__.startswith("keras.") and cls.__name__ in _ANEW:
        known = {name: getattr(callback, name) for name in signature(cls).parameters.keys() - _REST}
        return cls(**known)
    other = object.__new__(cls)
    vars(other).update(vars(callback), _model=None)
    return other


def _each(function: Callable, value: Any) -> Any:
    """Return what a function makes of an object, or of each in a list."""
    if isinstance(value, list | tuple):
        return type(value)(map(function, value))
    return function(value)


def _parameters(estimator, state):
    """Return the parameters of an estimator that hold what Keras would not copy."""
    if loaded("keras") is None:
        return []
    names = ("loss", "metrics", "optimizer", "model", "model_params")
    return [name for name in names if name in state]
