"""Cases of a parametrised test of which a few run in every run, and the others before a release."""

import pytest


def slow_but(usual, cases):
    """Return all cases as pytest's parameters, those marked slow that are not named as usual."""
    cases, unknown = list(cases), set(usual).difference(cases)
    if unknown:
        raise LookupError(f"{sorted(unknown)} are not among the cases")
    return [case if case in usual else _slow(case) for case in cases]


def _slow(case):
    """Return a value, or a tuple with one value for each argument, as a parameter marked slow."""
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)


def first_of_each_class(cases):
    """Return all cases, estimators in `pytest.param`; slow are all but the first of each class."""
    seen, found = set(), []
    for case in cases:
        (estimator,) = case.values
        marks = [pytest.mark.slow] * (type(estimator) in seen)
        seen.add(type(estimator))
        found.append(pytest.param(estimator, id=case.id, marks=marks))
    return found
