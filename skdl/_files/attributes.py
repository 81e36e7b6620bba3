"""Attributes of estimators that compiled code counts on, checked once they are loaded.

NumPy and SciPy check what they are given; some of what scikit-learn has compiled, or builds sparse
matrices of, believes that attributes are as `fit` leaves them. So their shapes are compared here,
and what is an index, a size or a count is held against what it points into.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skdl._files.attribute_rules import RULES
from skdl._files.attribute_shapes import SHAPES
from skdl._files.known import known_names
from skdl._sklearn import MetadataRequest, MethodMetadataRequest
from skdl.exceptions import InvalidFileError

_MAX_FEATURES, _MAX_JOBS = 2**31 - 1, 1024
_NUMBERS, _NUMBERS_AND_TEXTS = "biuf", "biufUSO"


def check_attributes(estimator: Any, trusted: set[str]) -> None:
    """Check all objects within an estimator, and let their metadata requests know them.

    Parameters
    ----------
    estimator : Any
        As it was loaded.
    trusted : set of str
        Names of classes that the user trusts, which are not checked.

    Raises
    ------
    InvalidFileError
        If an attribute cannot come from a fit.
    """
    known = known_names()["ObjectNode"]
    for each in _objects_in(estimator, known | trusted):
        _set_owner(each)
        if (name := _name(each)) in known and name not in trusted:
            try:
                _check(each, type(each))
            except InvalidFileError:
                raise
            except Exception as error:  # of an attribute that is missing or of another kind
                raise InvalidFileError(
                    f"its {type(each).__name__} is not as fit leaves it: {error}"
                ) from error


def _name(value):
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _objects_in(value: Any, names: set[str]) -> Iterator[Any]:
    """Yield every object of the named classes within a value, each once.

    Networks, Keras objects and others that are parts of a file were checked as they were decoded.
    """
    waiting, seen = [value], {}
    while waiting:
        value = waiting.pop()
        if isinstance(value, str | int | float | None) or id(value) in seen:
            continue
        seen[id(value)] = value  # kept, so that its id stays its own
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            waiting += value
        elif isinstance(value, np.ndarray):
            waiting += np.ma.getdata(value).ravel().tolist() if value.dtype.hasobject else ()
        elif isinstance(value, partial):
            waiting += [value.func, value.args, value.keywords]
        elif not hasattr(value, "__dict__"):  # such as a tree
            continue
        elif _name(value) in names or isinstance(value, BaseEstimator):
            yield value
            waiting += vars(value).values()


def _set_owner(each):
    request = vars(each).get("_metadata_request")
    if isinstance(request, MetadataRequest):
        # Where scikit-learn's `clone` would copy an owner, it has the name alone.
        owner = each if hasattr(request, "__sklearn_clone__") else type(each).__name__
        request.owner = owner
        for method in vars(request).values():
            if isinstance(method, MethodMetadataRequest):
                method.owner = owner


def _check(each, cls):
    params = each.get_params(deep=False) if hasattr(cls, "_get_param_names") else {}
    for name in vars(each):
        if hasattr(cls, name) and name not in params:
            raise InvalidFileError(f"its {cls.__name__} has another {name!r} than its class")
    if hasattr(cls, "_parameter_constraints") and cls.__module__.startswith("sklearn."):
        each._validate_params()
    jobs = getattr(each, "n_jobs", None)
    if not (jobs is None or (isinstance(jobs, int | np.integer) and abs(jobs) <= _MAX_JOBS)):
        raise InvalidFileError(f"its {cls.__name__} has n_jobs={jobs!r}")
    n_features = vars(each).get("n_features_in_")
    if n_features is not None and not (
        isinstance(n_features, int | np.integer) and 0 <= n_features <= _MAX_FEATURES
    ):
        raise InvalidFileError(f"its {cls.__name__} has n_features_in_={n_features!r}")
    _check_shapes(each, cls, n_features)
    for base, rule in RULES.items():
        if any(parent.__name__ == base for parent in cls.__mro__):
            rule(each)


def _check_shapes(each, cls, n_features):
    sizes = {} if n_features is None else {"n": int(n_features)}
    if isinstance(classes := vars(each).get("classes_"), np.ndarray):
        if classes.ndim != 1:
            raise InvalidFileError(f"its {cls.__name__} has classes_ of shape {classes.shape}")
        sizes["c"] = len(classes)
        if np.any(vars(each).get("n_classes_", len(classes)) != len(classes)):
            raise InvalidFileError(f"its {cls.__name__} has another number of classes_")
    for parent in reversed(cls.__mro__):
        for name, shapes in SHAPES.get(parent.__name__, {}).items():
            value = vars(each).get(name)
            if value is None:
                continue
            shape = value.shape if sp.issparse(value) else np.shape(value)
            kind = value.dtype.kind if hasattr(value, "dtype") else np.asarray(value).dtype.kind
            texts = shapes.endswith("*")
            allowed = _NUMBERS_AND_TEXTS if texts else _NUMBERS
            fits = (_fitting(form.split(), shape, sizes) for form in shapes.rstrip("*").split("|"))
            found = next((sizes_ for sizes_ in fits if sizes_ is not None), None)
            if found is None or kind not in allowed:
                raise InvalidFileError(
                    f"its {cls.__name__} has {name} of shape {tuple(shape)} and kind {kind!r}, "
                    f"which does not go with {sizes}"
                )
            sizes = found


def _fitting(form: list[str], shape: tuple, sizes: dict[str, int]) -> dict[str, int] | None:
    """Return the sizes, with those that the shape tells; None if it is another shape."""
    if len(form) != len(shape):
        return None
    sizes = dict(sizes)
    for letter, size in zip(form, shape, strict=True):
        expected = int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
        if expected != size:
            return None
    return sizes
