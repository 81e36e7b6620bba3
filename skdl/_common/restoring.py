"""A fit that fails leaves its estimator as it was; one that is interrupted, what it learned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.base import BaseEstimator


@contextmanager
def as_before_if_it_fails(estimator: BaseEstimator) -> Iterator[None]:
    """Leave an estimator as it was when a fit raises.

    A fit that is interrupted from the keyboard keeps its network, if it has come to one.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException as error:
        is_new = vars(estimator).get("_network") is not before.get("_network")
        if isinstance(error, KeyboardInterrupt) and is_new:
            raise
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
