"""Errors name the public class, the parameter and what to do."""

import inspect

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import skdl
from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    FilterDisplay,
    LossCurveDisplay,
    OneHotTextVectorizer,
    TabularClassifier,
    TextBoWClassifier,
)

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(20, 4)), np.arange(20) % 2
TEXTS = ["good film", "bad film"] * 10


@pytest.mark.parametrize(
    ("cls", "arguments", "remedy"),
    [
        (DenseClassifier, {"max_iter": 3}, "Use epochs"),
        (DenseRegressor, {"n_jobs": 2}, "such as GridSearchCV"),
        (TextBoWClassifier, {"num_words": 9}, "Use max_words"),
        (ConvNetClassifier, {"input_shape": (3, 3)}, "Use image_shape"),
        (ConvNetClassifier, {"filter": 3}, "Use filters"),
        (DenseClassifier, {"validation_data": (X, LABELS)}, "X_val and y_val"),
        (DenseClassifier, {"X_val": X}, "Give X_val to fit"),
        (DenseClassifier, {"colour": "red"}, "$"),
    ],
    ids=str,
)
def test_constructors_say_what_is_meant(cls, arguments, remedy):
    name = next(iter(arguments))
    with pytest.raises(TypeError, match=rf"^{cls.__name__}\(\).*'{name}'.*{remedy}"):
        cls(**arguments)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ({"epochs": 3}, r"Give epochs to the constructor, DenseClassifier\(epochs=...\)"),
        ({"max_iter": 3}, "Give epochs to the constructor"),
        ({"class_weight": "balanced"}, "Give class_weight to the constructor"),
        ({"validation_data": (X, LABELS)}, r"X_val and y_val: fit\(X, y, X_val=..., y_val=...\)"),
        ({"sample_weights": None}, "Use sample_weight"),
        ({"n_jobs": 2}, "GridSearchCV"),
    ],
    ids=str,
)
def test_fit_says_what_is_meant(arguments, remedy):
    net, name = DenseClassifier(), next(iter(arguments))
    for method in (net.fit, net.partial_fit):
        called = rf"^DenseClassifier.{method.__name__}\(\).*'{name}'.*"
        with pytest.raises(TypeError, match=called):
            method(X, LABELS, **arguments)
    with pytest.raises(TypeError, match=rf"^DenseClassifier.fit\(\).*'{name}'.*{remedy}"):
        net.fit(X, LABELS, **arguments)
    with pytest.raises(TypeError, match=r"^DenseClassifier.fit\(\): missing.*'X'"):
        net.fit()
    with pytest.raises(TypeError, match=r"It is TabularClassifier\(\*, n_members=5, hidden_layer"):
        TabularClassifier(16)
    with pytest.raises(TypeError, match=r"^DenseClassifier\(\): too many positional arguments"):
        DenseClassifier((3,), "relu")


def test_what_uses_a_network_names_the_public_class_too():
    net = DenseClassifier((3,), epochs=1).fit(X, LABELS)
    for method in (net.predict, net.predict_proba, net.predict_log_proba):
        with pytest.raises(TypeError, match=r"^DenseClassifier.predict.*'batch_size'. It takes X"):
            method(X, batch_size=3)
    with pytest.raises(TypeError, match=r"^OneHotTextVectorizer.transform\(\).*'y'. It takes X"):
        OneHotTextVectorizer().fit(TEXTS).transform(TEXTS, y=LABELS)


def test_every_public_estimator_explains_its_arguments():
    classes = [getattr(skdl, name) for name in skdl.__all__]
    found = [c for c in classes if inspect.isclass(c) and hasattr(c, "get_params")]
    assert len(found) >= 8
    for cls in found:
        with pytest.raises(TypeError, match=rf"^{cls.__name__}\(\) got an unexpected"):
            cls(not_a_parameter=1)
        estimator = cls(model=len) if "model" in cls._get_param_names() else cls()
        with pytest.raises(TypeError, match=rf"^{cls.__name__}.fit\(\) got an unexpected"):
            estimator.fit(X, not_a_parameter=1)
        assert clone(estimator).get_params() == estimator.get_params()
        own = inspect.signature(cls).parameters
        assert list(own) == list(inspect.signature(cls.__init__).parameters)[1:]


def test_subclasses_of_users_are_named():
    class Mine(DenseClassifier):
        def __init__(self, hidden_layer_sizes=(3,), **others):
            super().__init__(hidden_layer_sizes, **others)

    with pytest.raises(TypeError, match=r"^Mine\(\).*Use epochs"):
        Mine(max_iter=3)


@pytest.mark.parametrize("estimator", [DenseClassifier(epochs=1), DenseRegressor(epochs=1)])
def test_arrays_of_more_than_two_dimensions(estimator):
    message = r"shape \(20, 2, 2\).*X.reshape\(len\(X\), -1\).*ConvNetClassifier"
    with pytest.raises(ValueError, match=message):
        estimator.fit(X.reshape(20, 2, 2), LABELS)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, LABELS).predict(X.reshape(20, 2, 2))


def test_mixed_tables_are_told_of_at_once():
    table = pd.DataFrame({"age": [1.0, np.nan] * 10, "town": ["a", "b"] * 10, "n": range(20)})
    both = "OneHotEncoder.*SimpleImputer.*text is in {!r}; values are missing in {!r}"
    with pytest.raises(ValueError, match=both.format("town", "age")):
        DenseClassifier().fit(table, LABELS)
    with pytest.raises(ValueError, match=both.format(1, 0)):
        DenseClassifier().fit(table.to_numpy(object), LABELS)
    with pytest.raises(ValueError, match=r"OneHotEncoder \(text is in 'town'\)\.$"):
        DenseClassifier().fit(table[["town", "n"]], LABELS)
    text = pd.DataFrame({"t": pd.array(["a", pd.NA] * 10, dtype="string")})
    with pytest.raises(ValueError, match=both.format("t", "t")):
        DenseClassifier().fit(text, LABELS)
    with pytest.raises(ValueError, match="Texts are for TextBoWClassifier"):
        DenseClassifier().fit(TEXTS, LABELS)


def test_sequences_where_numbers_belong():
    for rows in ([[1, 2], [3]] * 10, pd.DataFrame({"a": [[1, 2], [3]] * 10})):
        with pytest.raises(ValueError, match=r"one number per cell.*TextBoWClassifier"):
            DenseClassifier().fit(rows, LABELS)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ngram_range": (3, 4)}, r"ngram_range=\(3, 4\) asks for 3 or more words.*longest.*has 2"),
        ({"ngram_range": (9, 9), "analyzer": "char"}, "ngram_range=.*9 or more characters.*"),
        ({"stop_words": ["good", "bad", "film"], "ngram_range": (2, 2)}, "No words.*stop_words"),
    ],
    ids=str,
)
def test_n_grams_longer_than_every_text(parameters, message):
    texts = ["good film", "bad film"] if "analyzer" not in parameters else ["good", "bad"]
    with pytest.raises(ValueError, match=message):
        OneHotTextVectorizer(**parameters).fit(texts)
    with pytest.raises(ValueError, match=message):
        TextBoWClassifier(**parameters).fit(texts * 10, LABELS)


def test_word_indices_of_any_container():
    lists = [[1, 2], [3]] * 10
    expected = OneHotTextVectorizer(max_words=5).fit_transform(lists).toarray()
    frame = pd.DataFrame({"indices": lists})
    for given in (frame, frame["indices"], [[1.0, 2.0], [3.0]] * 10, [np.array(d) for d in lists]):
        found = OneHotTextVectorizer(max_words=5).fit_transform(given).toarray()
        np.testing.assert_array_equal(found, expected)
    net = TextBoWClassifier(max_words=5, hidden_layer_sizes=4, epochs=1, random_state=0)
    first = net.fit(lists, LABELS).predict_proba(lists)
    for given in (frame, [[1.0, 2.0], [3.0]] * 10):
        np.testing.assert_array_equal(net.fit(given, LABELS).predict_proba(given), first)
    for broken in ([[1.5, 2.0], [3.0]], [[np.nan, 2.0], [3.0]]):
        with pytest.raises(ValueError, match=r"must be whole numbers: document 0 holds (1.5|nan)"):
            net.fit(broken * 10, LABELS)
    with pytest.raises(ValueError, match="one document per row, received 2 columns"):
        net.fit(pd.DataFrame({"a": lists, "b": lists}), LABELS)


def test_displays_say_what_they_can_draw():
    net = DenseClassifier((4,), epochs=1).fit(X, LABELS, X_val=X, y_val=LABELS)
    with pytest.raises(ValueError, match=r"no Conv2D layer.*'hidden_1', 'output'"):
        FilterDisplay.from_estimator(net)
    with pytest.raises(ValueError, match=r"metric='val_loss'.*without 'val_'. Use metric='loss'"):
        LossCurveDisplay.from_estimator(net, metric="val_loss")


def test_metrics_by_their_names_elsewhere():
    with pytest.raises(ValueError, match=r"metrics='f1'. Did you mean 'f1_score'"):
        DenseClassifier(metrics="f1").fit(X, LABELS)
    with pytest.raises(ValueError, match=r"metrics='roc_auc'. Did you mean 'auc'"):
        DenseClassifier(metrics="roc_auc").fit(X, LABELS)
