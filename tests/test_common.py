"""scikit-learn's own checks, over every public estimator in several configurations."""

import functools
import itertools
import re

import pytest
from registry import EXACT, WEIGHT_CHECKS, configured, excused
from sklearn.utils.estimator_checks import parametrize_with_checks

# The checks give tables, of values in many ranges, to estimators of images as well.
pytestmark = [
    pytest.mark.filterwarnings("ignore::skdl.exceptions.ImageShapeWarning"),
    pytest.mark.filterwarnings("ignore::skdl.exceptions.PixelRangeWarning"),
]

# In every run each estimator is checked in its first configuration, by the checks that are not
# excused there, and, in the configuration that nothing is excused in, by these. A regressor is
# spared the checks that the classifier of the same networks passes, and all else is checked before
# a release.
USUAL, EXACT_ONES, MORE = [], [], []
for _cls, _group in itertools.groupby(configured(), key=lambda pair: type(pair[1])):
    for _number, (_name, _estimator) in enumerate(_group):
        found = USUAL if _number == 0 else EXACT_ONES if _name in EXACT else MORE
        found.append(_estimator)


def checks_of(estimators, excused_elsewhere=None, excused_here=None):
    """scikit-learn's `parametrize_with_checks`, in names that are the same in every process.

    Of all checks, or of those that are excused, or not, in other configurations or in this one.
    """
    mark = parametrize_with_checks(estimators, expected_failed_checks=excused, xfail_strict=True)
    names, cases = mark.args
    if excused_elsewhere is not None:
        cases = [
            case for case in cases if (name_of_check(case) in WEIGHT_CHECKS) == excused_elsewhere
        ]
    if excused_here is not None:
        cases = [case for case in cases if is_excused(case) == excused_here]
    name_of = functools.cache(mark.kwargs["ids"])  # of each estimator once, not for each check
    return pytest.mark.parametrize(
        names, cases, ids=lambda value: re.sub(r" ?at ?0x[0-9a-f]+", "", name_of(value))
    )


def name_of_check(case):
    _, check = getattr(case, "values", case)
    return getattr(check, "func", check).__name__


def is_excused(case):
    estimator, _ = getattr(case, "values", case)
    return name_of_check(case) in excused(estimator)


def slow_if_passed_by_its_twin(mark):
    """Mark the cases of regressors slow whose check a classifier of the same networks passes."""
    names, cases = mark.args

    def told(case):
        estimator, _ = getattr(case, "values", case)
        return type(estimator).__name__, name_of_check(case)

    passed = {told(case) for case in cases}
    marked = []
    for case in cases:
        cls, check = told(case)
        if cls.endswith("Regressor") and (cls.replace("Regressor", "Classifier"), check) in passed:
            case = pytest.param(*getattr(case, "values", case), marks=pytest.mark.slow)
        marked.append(case)
    return pytest.mark.parametrize(names, marked, **mark.kwargs)


@slow_if_passed_by_its_twin(checks_of(USUAL, excused_here=False).mark)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@checks_of(USUAL, excused_here=True)
def test_scikit_learn_check_that_is_excused(estimator, check):
    check(estimator)


@checks_of(EXACT_ONES, excused_elsewhere=True)
def test_scikit_learn_check_that_is_excused_elsewhere(estimator, check):
    check(estimator)


@pytest.mark.slow
@checks_of(EXACT_ONES, excused_elsewhere=False)
def test_scikit_learn_check_in_float64(estimator, check):
    check(estimator)


@pytest.mark.slow
@checks_of(MORE)
def test_scikit_learn_check_in_more_configurations(estimator, check):
    check(estimator)
