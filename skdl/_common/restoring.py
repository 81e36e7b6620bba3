"""A fit that fails leaves its estimator as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.base import BaseEstimator


@contextmanager
def as_before_if_it_fails(estimator: BaseEstimator) -> Iterator[None]:
    """Leave an estimator as it was when a fit raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
