"""`DenseClassifier` and `DenseRegressor`: weights, rows held out, early stopping, going on."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, DenseRegressor


def exact(**parameters):
    settings = {"dtype": "float64", "batch_size": 1000, "epochs": 25, "random_state": 0}
    return DenseClassifier((6,), **settings | parameters)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_integer_weights_equal_repetition_in_a_full_batch(optimizer, iris):
    X, y = iris
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    net = exact(optimizer=optimizer)
    weighted = net.fit(X, y, sample_weight=weight).predict_proba(X)
    repeated = net.fit(X.repeat(weight, 0), y.repeat(weight)).predict_proba(X)
    assert_allclose(weighted, repeated, rtol=1e-10)


def test_the_scale_of_weights_does_not_matter(iris):
    X, y = iris
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y))
    first = exact().fit(X, y, weight).predict_proba(X)
    assert_allclose(exact().fit(X, y, 8 * weight).predict_proba(X), first, rtol=1e-10)


def test_weights_matter_within_small_batches(iris):
    """With a mean over weights they would cancel in batches of one row."""
    X, y = iris[0][:100], iris[1][:100]
    X = np.zeros_like(X)
    net = DenseClassifier((), batch_size=1, epochs=200, learning_rate=0.02, random_state=0)
    weight = np.where(y == 0, 3.0, 1.0)
    assert_allclose(net.fit(X, y, weight).predict_proba(X[:1]), [[0.75, 0.25]], atol=0.05)


def test_class_weight_is_a_sample_weight(iris):
    X, y = iris[0][:120], iris[1][:120]
    base = np.random.default_rng(0).uniform(0.5, 2, len(y))
    by_class = {0: 1.0, 1: 2.0, 2: 5.0}
    weight = base * np.array([by_class[label] for label in y])
    expected = exact().fit(X, y, weight).predict_proba(X)
    found = exact(class_weight=by_class).fit(X, y, base).predict_proba(X)
    assert_allclose(found, expected, rtol=1e-10)
    balanced = exact(class_weight="balanced").fit(X, y).predict_proba(X)
    counts = 120 / (3 * np.bincount(y))
    assert_allclose(balanced, exact().fit(X, y, counts[y]).predict_proba(X), rtol=1e-10)


def test_bad_weights(iris):
    X, y = iris
    with pytest.raises(ValueError, match="at least one non-zero"):
        DenseClassifier().fit(X, y, np.zeros(len(y)))
    with pytest.raises(ValueError, match="Negative values"):
        DenseClassifier().fit(X, y, -np.ones(len(y)))
    with pytest.raises(ValueError, match=r"sample_weight\.shape"):
        DenseClassifier().fit(X, y, np.ones(3))


def test_class_weight_of_classes_that_y_lacks(iris):
    """As scikit-learn takes them: folds may lack a rare class."""
    X, y = iris
    net = DenseClassifier(epochs=1, class_weight={0: 1.0, 1: 2.0, 2: 3.0}, random_state=0)
    lacking = net.fit(X[:100], y[:100]).predict_proba(X)
    net.set_params(class_weight={0: 1.0, 1: 2.0})
    assert_array_equal(lacking, net.fit(X[:100], y[:100]).predict_proba(X))
    with pytest.raises(ValueError, match=r"unknown classes \[2\]"):
        net.set_params(class_weight={0: 1.0, 2: 3.0}).fit(X[:100], y[:100])


def test_hold_out_is_stratified_and_seeded(digits):
    X, y = digits
    order = np.argsort(y)
    net = DenseClassifier(validation_split=0.2, epochs=15, metrics="accuracy", random_state=0)
    net.fit(X[order], y[order])
    assert net.history_["val_accuracy"][-1] > 0.9
    assert len(net.history_["val_loss"]) == 15
    again = DenseClassifier(validation_split=0.2, epochs=15, metrics="accuracy", random_state=0)
    assert again.fit(X[order], y[order]).history_ == net.history_


def test_held_out_rows_are_not_trained_on():
    """A row that would lead the network astray has no effect when it is held out."""
    X, y = np.arange(20.0)[:, None], np.arange(20.0)
    net = DenseRegressor(validation_split=0.5, epochs=1, dtype="float64", random_state=0).fit(X, y)
    same = []
    for row in range(20):
        changed = y.copy()
        changed[row] += 1000
        weights = DenseRegressor(validation_split=0.5, epochs=1, dtype="float64", random_state=0)
        weights = weights.fit(X, changed).model_.get_weights()
        pairs = zip(weights, net.model_.get_weights(), strict=True)
        same.append(all(np.array_equal(a, b) for a, b in pairs))
    assert sum(same) == 10


def test_given_validation_data_take_the_place_of_the_split(iris):
    X, y = iris
    net = DenseClassifier(validation_split=0.5, epochs=3, random_state=0)
    with_split_unused = net.fit(X, y, X_val=X[:10], y_val=y[:10]).predict_proba(X)
    plain = DenseClassifier(epochs=3, random_state=0).fit(X, y).predict_proba(X)
    assert_array_equal(with_split_unused, plain)


def test_early_stopping_returns_to_the_best_epoch(cancer):
    X, y = cancer
    X_val, y_val = X[400:], y[400:]
    net = DenseClassifier(
        learning_rate=0.05, early_stopping=True, patience=4, epochs=300, random_state=0
    ).fit(X[:400], y[:400], X_val=X_val, y_val=y_val)
    losses = net.history_["val_loss"]
    assert net.n_iter_ == len(losses) < 300
    assert net.best_epoch_ == np.argmin(losses) + 1
    assert net.n_iter_ - net.best_epoch_ == 4
    found = net.model_.evaluate(X_val, y_val, verbose=0)
    assert_allclose(found, min(losses), rtol=1e-4)


def test_early_stopping_restores_the_best_weights_at_the_last_epoch_too(cancer):
    X, y = cancer
    net = DenseClassifier(learning_rate=0.2, early_stopping=True, patience=50, epochs=20)
    net.set_params(random_state=1).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert net.n_iter_ == 20
    assert net.best_epoch_ < 20
    found = net.model_.evaluate(X[300:], y[300:], verbose=0)
    assert_allclose(found, min(net.history_["val_loss"]), rtol=1e-4)


def test_early_stopping_holds_out_a_tenth_with_every_class():
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = np.arange(40) % 8  # a tenth of the rows is fewer than the classes
    net = DenseClassifier(early_stopping=True, epochs=2, random_state=0).fit(X, y)
    assert "val_loss" in net.history_
    y[0] = 9  # a class of one row: no stratifying
    DenseClassifier(early_stopping=True, epochs=2, random_state=0).fit(X, y)
    DenseRegressor(early_stopping=True, epochs=2, random_state=0).fit(X, X[:, 0])


def test_validation_data_alone_or_with_unseen_labels(iris):
    X, y = iris
    with pytest.raises(ValueError, match="y_val is missing"):
        DenseClassifier().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="X_val is missing"):
        DenseClassifier().fit(X, y, y_val=y)
    with pytest.raises(ValueError, match=r"y_val contains labels .* \[2\]"):
        DenseClassifier().fit(X[:100], y[:100], X_val=X, y_val=y)
    with pytest.raises(ValueError, match="X has 3 features, but"):
        DenseClassifier().fit(X, y, X_val=X[:, :3], y_val=y)


def test_metadata_routing_of_validation_data(iris):
    X, y = iris
    with sklearn.config_context(enable_metadata_routing=True):
        net = DenseClassifier(epochs=3, random_state=0).set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(StandardScaler(), net, transform_input=["X_val"])
        pipe.fit(X, y, X_val=X, y_val=y)
    losses = pipe[-1].history_["val_loss"]
    assert_allclose(losses[-1], pipe[-1].model_.evaluate(pipe[0].transform(X), y, verbose=0), 1e-4)


def test_warm_start_goes_on_as_if_never_stopped(iris):
    X, y = iris
    parameters = {"dropout": 0.3, "batch_normalization": True, "random_state": 0}
    whole = DenseClassifier((8,), epochs=8, **parameters).fit(X, y)
    parts = DenseClassifier((8,), epochs=4, warm_start=True, **parameters).fit(X, y).fit(X, y)
    assert_array_equal(whole.predict_proba(X), parts.predict_proba(X))
    assert parts.history_ == whole.history_
    assert parts.n_iter_ == 8
    steps = DenseClassifier((8,), **parameters)
    for _ in range(8):
        steps.partial_fit(X, y, classes=[0, 1, 2])
    assert_array_equal(steps.predict_proba(X), whole.predict_proba(X))
    assert steps.history_ == whole.history_


def test_warm_start_takes_a_new_learning_rate(iris):
    X, y = iris
    net = DenseClassifier(epochs=2, warm_start=True, random_state=0).fit(X, y)
    before = net.model_.get_weights()
    net.set_params(learning_rate=1e-12).fit(X, y)
    for a, b in zip(before, net.model_.get_weights(), strict=True):
        assert_allclose(a, b, atol=1e-8)


def test_warm_start_refuses_another_network(iris):
    X, y = iris
    net = DenseClassifier((5,), epochs=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="a parameter of the network, its loss"):
        net.set_params(hidden_layer_sizes=(6,)).fit(X, y)
    net = DenseClassifier((5,), epochs=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="other classes"):
        net.fit(X, y + 1)
    with pytest.raises(ValueError, match="features"):
        net.fit(X[:, :2], y)


def test_partial_fit_of_labels_that_y_has_no_columns_for():
    X, y = np.eye(4), np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    with pytest.raises(ValueError, match=r"number the label columns of y: \[0, 1\]"):
        DenseClassifier().partial_fit(X, y, classes=[0, 1, 2])
    assert DenseClassifier().partial_fit(X, y, classes=[0, 1]).n_outputs_ == 2


def test_partial_fit_of_some_classes(iris):
    X, y = iris
    net = DenseClassifier(random_state=0)
    with pytest.raises(ValueError, match="classes must be given"):
        net.partial_fit(X, y)
    net.partial_fit(X[:50], y[:50], classes=[0, 1, 2]).partial_fit(X[50:], y[50:])
    assert net.n_iter_ == 2
    assert net.predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="not the same as on the first call"):
        net.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"labels that are not among the classes.*\[7\]"):
        net.partial_fit(X, np.where(y == 2, 7, y))
