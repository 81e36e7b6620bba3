"""scikit-learn's own checks, over every public estimator in several configurations."""

from registry import configured, excused
from sklearn.utils.estimator_checks import parametrize_with_checks

ESTIMATORS = list(configured())


@parametrize_with_checks([estimator for _, estimator in ESTIMATORS], expected_failed_checks=excused)
def test_scikit_learn_check(estimator, check):
    check(estimator)
