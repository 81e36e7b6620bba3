"""Whatever the parameters and the data: a fitted estimator, or an error that says why.

A few hundred cases in the usual run; `pytest -m slow tests/estimators/test_properties.py` draws
thousands, new ones each time.
"""

import copy
import warnings

import keras
import numpy as np
import pytest
import strategies
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from registry import constructible
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted
from slow_cases import slow_but
from strategies import BAD, N_ROWS, SAME, SAME_SPARSE, TARGETS, TEXTS, WEIGHTS

from skdl.exceptions import NonFiniteLossError, TargetsWarning

# Some of Keras's objects draw from Python's generator when they are made.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
    # Estimators of images are given tables, of values in many ranges, as well.
    pytest.mark.filterwarnings("ignore::skdl.exceptions.ImageShapeWarning"),
    pytest.mark.filterwarnings("ignore::skdl.exceptions.PixelRangeWarning"),
    pytest.mark.filterwarnings("ignore::skdl.exceptions.UnscaledDataWarning"),
]
# A network that was learned elsewhere takes seconds to build and has tests of its own.
CLASSES = {n: cls for n, cls in constructible().items() if not n.startswith("Pretrained")}
NETWORKS = {name: cls for name, cls in CLASSES.items() if hasattr(cls, "predict")}
# Of which a fit trains several networks.
ENSEMBLES = {name for name in NETWORKS if name.startswith("Tabular")}
TEXT_ONLY = {"OneHotTextVectorizer", "TokenSequencer"}
TWINS = {
    name for name in CLASSES if name.replace("Regressor", "Classifier") in CLASSES.keys() - {name}
}
ON_TABLES = {name: cls for name, cls in CLASSES.items() if name not in TEXT_ONLY}
X = strategies.rows()

# Found wrong by the long run, and mended since.
FOUND = [{"optimizer": keras.optimizers.Nadam(1e30)}]

# A regressor is spared what the classifier of the same networks passes, but in the long run.
each = pytest.mark.parametrize("name", CLASSES)
each_on_tables = pytest.mark.parametrize("name", ON_TABLES)
some_of_each = pytest.mark.parametrize("name", slow_but(set(CLASSES) - TWINS, CLASSES))
some_on_tables = pytest.mark.parametrize("name", slow_but(set(ON_TABLES) - TWINS, ON_TABLES))


def many(n):
    """Return the settings of the long run: so many cases, other ones each time."""
    random, checks = settings.get_profile("random"), list(HealthCheck)
    return settings(random, max_examples=n, suppress_health_check=checks)


def some(n):
    """Return the settings of a usual run: the same few cases each time."""
    return settings(many(n), derandomize=True, database=None)


def small(name, **changed):
    """Return an estimator that fits at once."""
    found = {"epochs": 1, "hidden_layer_sizes": (3,), "filters": (2,), "max_words": 20}
    cls = CLASSES[name]
    names = cls().get_params()
    return cls(**{n: v for n, v in found.items() if n in names} | changed)


def target(estimator):
    return np.arange(N_ROWS) / 7 if is_regressor(estimator) else strategies.LABELS


def results(estimator, X):
    if is_classifier(estimator):
        return estimator.predict_proba(X)
    return estimator.predict(X) if is_regressor(estimator) else estimator.transform(X)


def check_parameters(name, changed, as_texts):
    """Fit with some parameters changed."""
    estimator = small(name, **changed)
    takes_texts = "Vectorizer" in name or "BoW" in name
    rows = TEXTS if takes_texts and (as_texts or name not in NETWORKS) else X
    before = copy.copy(estimator.get_params())
    error = None
    with warnings.catch_warnings():
        # Keras's own remarks on such parameters.
        warnings.filterwarnings("ignore", ".*conditioned on metric|.*metric is not available")
        warnings.filterwarnings("ignore", "In loss categorical", SyntaxWarning)
        try:
            estimator.fit(rows, target(estimator))
            found = results(estimator, rows)
        except (ValueError, TypeError) as raised:
            error = raised
    assert name not in NETWORKS or fitted(estimator) == (error is None)
    if error is not None:
        named = any(parameter in str(error) for parameter in changed)
        assert named or isinstance(error, NonFiniteLossError), error
    else:
        values = getattr(found, "data", found) if hasattr(found, "tocsr") else found
        steps = [changed.get(each) for each in ("learning_rate", "l1", "l2")]
        steps.append(getattr(changed.get("optimizer"), "learning_rate", None))
        # Steps so long that finite weights overflow at the next forward pass.
        assert np.isfinite(values).all() or any(s is not None and float(s) > 1 for s in steps)
        assert found.shape[0] == len(rows)
        assert not hasattr(estimator, "partial_fit") or estimator.n_iter_ >= 1
    after = estimator.get_params()
    assert all(after[key] is value for key, value in before.items())


def fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


@some_of_each
def test_parameters(name):
    """A few combinations that the constraints allow."""

    @some(4 if name in NETWORKS else 30)
    @given(strategies.parameters(CLASSES[name]), st.booleans())
    def check(changed, as_texts):
        check_parameters(name, changed, as_texts)

    for found in FOUND if "optimizer" in CLASSES[name]().get_params() else ():
        check = example(found, False)(check)
    check()


@each
@pytest.mark.slow
def test_many_parameters(name):
    """Slow: hundreds of networks, of which each must be traced."""

    @many(70 if name in ENSEMBLES else 350 if name in NETWORKS else 200)
    @given(strategies.parameters(CLASSES[name]), st.booleans())
    def check(changed, as_texts):
        check_parameters(name, changed, as_texts)

    check()


def check_inputs(name, bad, y, weight, method, n_fitted):
    """Fit, go on, or predict, with any of X, y and weights out of the ordinary."""
    estimator = small(name)
    rows, weights = BAD[bad](X) if bad else X.copy(), None
    n = rows.shape[0] if getattr(rows, "shape", ()) else N_ROWS
    arguments = [rows]
    if method in {"fit", "partial_fit"}:
        y = target(estimator) if y is None else TARGETS[y](n)
        y = y[:n] if isinstance(y, np.ndarray) and y is not None else y
        arguments.append(y)
        weights = WEIGHTS[weight](n)
    if n_fitted or method not in {"fit", "partial_fit"}:
        estimator.fit(X, target(estimator))
    state = dict(vars(estimator))
    before = None if bad == "an iterator" else copy.deepcopy(arguments)
    extra = {} if weights is None else {"sample_weight": weights}
    if method == "partial_fit" and is_classifier(estimator) and not n_fitted:
        extra["classes"] = np.unique(strategies.LABELS)
    error = None
    with warnings.catch_warnings():
        # scikit-learn's own remarks on such data.
        warnings.simplefilter("ignore", DataConversionWarning)
        warnings.simplefilter("ignore", TargetsWarning)
        warnings.filterwarnings("ignore", "X (has|does not have valid) feature names")
        warnings.filterwarnings("ignore", "The number of unique classes is greater than")
        warnings.filterwarnings("ignore", "invalid value encountered in cast", RuntimeWarning)
        try:
            found = getattr(estimator, method)(*arguments, **extra)
        except (ValueError, TypeError) as raised:
            error = raised
    if error is None:
        assert found is estimator or np.shape(found)[0] == n
    else:
        assert len(str(error)) > 15
        if name in NETWORKS:  # as it was before
            assert vars(estimator) == state
        else:
            assert fitted(estimator) == (n_fitted or method == "transform")
    if before is not None:
        unchanged(before, arguments)


def unchanged(before, after):
    for one, other in zip(before, after, strict=True):
        assert type(one) is type(other)
        if hasattr(one, "tocsr"):
            assert one.dtype == other.dtype
            assert np.array_equal(one.toarray(), other.toarray(), equal_nan=True)
        elif hasattr(one, "equals"):
            assert one.equals(other)
        else:
            one, other = (np.asarray(each, dtype=object) for each in (one, other))
            assert one.shape == other.shape
            assert all(str(a) == str(b) for a, b in zip(one.flat, other.flat, strict=True))


def inputs(name):
    methods = ["fit", "fit", "predict"] + ["predict_proba"] * is_classifier(CLASSES[name]())
    methods += ["partial_fit"] * hasattr(CLASSES[name], "partial_fit")
    if not hasattr(CLASSES[name], "predict"):
        return st.tuples(st.sampled_from(sorted(BAD)), st.none(), st.just("none"),
                         st.sampled_from(["fit", "transform"]), st.booleans())  # fmt: skip
    return st.tuples(
        st.none() | st.sampled_from(sorted(BAD)),
        st.none() | st.sampled_from(sorted(TARGETS)),
        st.just("none") | st.sampled_from(sorted(WEIGHTS)),
        st.sampled_from(methods),
        st.booleans(),
    )


@some_on_tables
def test_inputs(name):
    """A few data that no one should give."""

    @some(12)
    @given(inputs(name))
    def check(case):
        check_inputs(name, *case)

    check()


@each_on_tables
@pytest.mark.slow
def test_many_inputs(name):
    """Slow: hundreds of fits."""

    @many(60 if name in ENSEMBLES else 300)
    @given(inputs(name))
    def check(case):
        assume(case[:3] != (None, None, "none"))
        check_inputs(name, *case)

    check()


@some_on_tables
def test_the_same_numbers_in_any_container_give_the_same_results(name):
    """Dense ones to the last bit, sparse ones among themselves."""
    takes_sparse = get_tags(CLASSES[name]()).input_tags.sparse
    for forms in (SAME, SAME_SPARSE) if takes_sparse else (SAME,):
        if name == "TextBoWClassifier" and forms is SAME:
            forms = {n: f for n, f in forms.items() if "object" not in n and n != "list"}
        expected = None
        for form, change in forms.items():
            estimator = small(name, **({"random_state": 0} if name in NETWORKS else {}))
            rows = change(X)
            found = results(estimator.fit(rows, target(estimator)), rows)
            expected = found if expected is None else expected
            assert_array_equal(found, expected, form)
