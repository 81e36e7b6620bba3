"""scikit-learn's own checks, over every public estimator in several configurations."""

import itertools
import re

import pytest
from registry import EXACT, configured, excused
from sklearn.utils.estimator_checks import parametrize_with_checks

# The checks give tables, of values in many ranges, to estimators of images as well.
pytestmark = [
    pytest.mark.filterwarnings("ignore::skdl.exceptions.ImageShapeWarning"),
    pytest.mark.filterwarnings("ignore::skdl.exceptions.PixelRangeWarning"),
]

# In every run each estimator is checked in two configurations, its first and the one that
# nothing is excused in; the others are checked before a release.
USUAL, MORE = [], []
for _cls, _group in itertools.groupby(configured(), key=lambda pair: type(pair[1])):
    for _number, (_name, _estimator) in enumerate(_group):
        (USUAL if _number == 0 or _name in EXACT else MORE).append(_estimator)


def checks_of(estimators):
    """scikit-learn's `parametrize_with_checks`, in names that are the same in every process."""
    mark = parametrize_with_checks(estimators, expected_failed_checks=excused, xfail_strict=True)
    name_of = mark.kwargs["ids"]
    return pytest.mark.parametrize(
        *mark.args, ids=lambda value: re.sub(r" ?at ?0x[0-9a-f]+", "", name_of(value))
    )


@checks_of(USUAL)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@checks_of(MORE)
def test_scikit_learn_check_in_more_configurations(estimator, check):
    check(estimator)
