"""The dense estimators: networks, targets, weights, validation, going on, errors."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, DenseRegressor, build_dense
from skdl.exceptions import NonFiniteLossError

# Parameters of the networks of a course on deep learning, on inputs of the same width.
COUNTS = {
    "A1": (784, 10, {"hidden_layer_sizes": 512, "optimizer": "rmsprop"}, 407_050),
    "A2": (10_000, 2, {"hidden_layer_sizes": (16, 16), "optimizer": "rmsprop"}, 160_305),
    "A4": (10_000, 2, {"hidden_layer_sizes": (16, 16, 16)}, 160_577),
    "A5": (10_000, 46, {"hidden_layer_sizes": (64, 64)}, 647_214),
    "A6": (10_000, 46, {"hidden_layer_sizes": (64, 4)}, 640_554),
    "A7": (13, None, {"hidden_layer_sizes": (64, 64), "metrics": "mae"}, 5_121),
    "A8": (10_000, 2, {"hidden_layer_sizes": (4, 4)}, 40_029),
    "A9": (10_000, 2, {"hidden_layer_sizes": (16, 16), "l1": 1e-4, "l2": 1e-3}, 160_305),
    "A10": (10_000, 2, {"hidden_layer_sizes": (16, 16), "dropout": 0.5}, 160_305),
    "B1": (784, 10, {"hidden_layer_sizes": 32}, 25_450),
    "B3": (784, 10, {"hidden_layer_sizes": (1024, 1024), "dropout": 0.5}, 1_863_690),
    "C1": (
        784,
        10,
        {
            "hidden_layer_sizes": (20, 15),
            "kernel_initializer": "random_normal",
            "metrics": ["categorical_accuracy"],
        },
        16_175,
    ),
    "D2": (784, 10, {"hidden_layer_sizes": 784, "kernel_initializer": "random_normal"}, 623_290),
}


@pytest.mark.parametrize("name", COUNTS)
def test_exact_parameter_counts(name):
    n_features, n_classes, parameters, expected = COUNTS[name]
    X = np.zeros((120, n_features), np.float32)
    y = np.arange(120.0) if n_classes is None else np.arange(120) % n_classes
    cls = DenseRegressor if n_classes is None else DenseClassifier
    net = cls(epochs=1, batch_size=512, random_state=0, **parameters).fit(X, y)
    assert net.model_.count_params() == expected


def test_layers_and_penalties_are_those_asked_for(cancer):
    X, y = cancer
    net = DenseClassifier(
        (7, 5),
        activation="tanh",
        dropout=0.25,
        batch_normalization=True,
        l1=0.01,
        l2=0.02,
        epochs=1,
    ).fit(X, y)
    kinds = [type(layer).__name__ for layer in net.model_.layers]
    assert kinds == ["Dense", "BatchNormalization", "Dropout"] * 2 + ["Dense"]
    dense = [layer for layer in net.model_.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.activation.__name__ for layer in dense] == ["tanh", "tanh", "sigmoid"]
    penalty = sum(
        0.01 * np.abs(kernel).sum() + 0.02 * (kernel**2).sum()
        for kernel in (layer.kernel.numpy() for layer in dense)
    )
    assert_allclose(float(sum(net.model_.losses)), penalty, rtol=1e-5)


def test_no_hidden_layer_is_a_linear_model(iris):
    X, y = iris
    assert DenseClassifier((), epochs=1).fit(X, y).model_.count_params() == 5 * 3


def test_builder_stands_alone():
    first, second = (build_dense((5,), 2, "softmax", dropout=0.1, seed=4) for _ in range(2))
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        assert_array_equal(a, b)
    other = build_dense((5,), 2, "softmax", seed=5)
    assert np.abs(other.get_weights()[0] - first.get_weights()[0]).max() > 0
    assert np.abs(
        build_dense((5,), 2).get_weights()[0] - build_dense((5,), 2).get_weights()[0]
    ).any()


@pytest.mark.parametrize(
    "initializer",
    [
        "he_normal",
        keras.initializers.HeNormal(seed=3),
        {"class_name": "HeNormal", "config": {"seed": 3}},
        keras.saving.serialize_keras_object(keras.initializers.HeNormal()),
    ],
)
def test_initialisers_take_their_seed_from_random_state(initializer, iris):
    X, y = iris
    nets = [
        DenseClassifier((4, 4), kernel_initializer=initializer, epochs=1, random_state=s).fit(X, y)
        for s in (0, 0, 1)
    ]
    first, again, other = (net.model_.get_weights()[0] for net in nets)
    assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0
    plain = DenseClassifier((4, 4), kernel_initializer="he_normal", epochs=1, random_state=0)
    assert_array_equal(plain.fit(X, y).model_.get_weights()[0], first)


# Targets


def test_multilabel():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    Y = (X[:, :3] > 0).astype(int)
    for y in (Y, scipy.sparse.csr_matrix(Y)):
        net = DenseClassifier(epochs=60, random_state=0, metrics="accuracy").fit(X, y)
        assert net.predict(X).shape == Y.shape
        assert net.predict_proba(X).shape == Y.shape
        assert accuracy_score(Y, net.predict(X)) > 0.85
        assert_array_equal(net.classes_, [0, 1, 2])
        assert net.model_.loss.name == "binary_crossentropy"


def test_several_outputs(diabetes):
    X, y = diabetes
    Y = np.c_[y, 1 - y]
    net = DenseRegressor(random_state=0).fit(X, Y)
    assert net.predict(X).shape == Y.shape
    assert net.predict(X).dtype == np.float64
    assert net.score(X, Y) > 0.4
    assert net.n_outputs_ == 2
    assert DenseRegressor(epochs=1).fit(X, y[:, None]).predict(X).shape == (len(y), 1)
    assert DenseRegressor(epochs=1).fit(X, y).predict(X).shape == (len(y),)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "a"]),
        np.array([True, False]),
        np.array([3.0, -1.0]),
        np.array([7, 2], dtype=np.int16),
        np.array(["b", None], dtype=object)[:1].repeat(2) + np.array(["", "x"], dtype=object),
    ],
)
def test_labels_of_any_type(labels):
    X = np.r_[np.zeros((20, 2)), np.ones((20, 2))]
    y = labels[np.repeat([0, 1], 20)]
    net = DenseClassifier(epochs=60, learning_rate=0.05, random_state=0).fit(X, y)
    assert_array_equal(net.predict(X), y)
    assert_array_equal(net.classes_, np.unique(labels))


def test_pandas_in(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd"))
    labels = pd.Series(pd.Categorical(np.array(["x", "y", "z"])[y]))
    net = DenseClassifier(epochs=40, random_state=0).fit(frame, labels)
    assert list(net.feature_names_in_) == list("abcd")
    assert net.score(frame, labels) > 0.9
    assert set(net.predict(frame)) <= set("xyz")


@pytest.mark.parametrize(
    ("loss", "metrics"),
    [
        ("auto", "accuracy"),
        ("auto", ["categorical_accuracy"]),
        ("auto", ["sparse_categorical_accuracy"]),
        ("auto", [keras.metrics.AUC(name="auc"), "accuracy"]),
        ("categorical_crossentropy", ["accuracy", "mse"]),
        ("sparse_categorical_crossentropy", "accuracy"),
        (keras.losses.CategoricalFocalCrossentropy(), None),
        ("kl_divergence", None),
        ({"class_name": "CategoricalCrossentropy", "config": {"label_smoothing": 0.1}}, None),
    ],
)
def test_losses_and_metrics_of_three_classes(loss, metrics, iris):
    X, y = iris
    net = DenseClassifier(
        loss=loss, metrics=metrics, epochs=60, learning_rate=0.01, random_state=0
    ).fit(X, y)
    assert net.score(X, y) > 0.9
    if metrics is not None:
        names = [name for name in net.history_ if name != "loss"]
        assert names
        if any("accuracy" in name for name in names):
            accuracy = next(name for name in names if "accuracy" in name)
            assert abs(net.history_[accuracy][-1] - net.score(X, y)) < 0.06


def test_metrics_in_an_array():
    X = np.random.default_rng(0).random((20, 3))
    y = np.column_stack([np.arange(20) % 2, np.arange(20) % 3 == 0]).astype(int)
    net = DenseClassifier(4, epochs=1, metrics=np.array(["accuracy"]), random_state=0)
    listed = DenseClassifier(4, epochs=1, metrics=["accuracy"], random_state=0)
    assert net.fit(X, y).history_ == listed.fit(X, y).history_


def test_forms_of_labels_that_disagree(iris):
    X, y = iris
    net = DenseClassifier(loss="sparse_categorical_crossentropy", metrics=["categorical_accuracy"])
    with pytest.raises(ValueError, match=r"loss='sparse.*metrics=\['categorical_accuracy'\]"):
        net.fit(X, y)
    with pytest.raises(
        ValueError, match="loss='categorical_crossentropy' needs one unit per class"
    ):
        DenseClassifier(loss="categorical_crossentropy").fit(X[:100], y[:100])


def test_metrics_of_each_class_are_lists_in_the_history(iris, tmp_path):
    every_batch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    net = DenseClassifier(epochs=2, metrics=[keras.metrics.F1Score()], random_state=0)
    compiled = net.fit(*iris).history_["f1_score"]
    net.set_params(callbacks=[every_batch], checkpoint=tmp_path).fit(*iris)
    assert [len(scores) for scores in compiled] == [3, 3]
    assert isinstance(net.history_["f1_score"][0], list)
    assert_allclose(net.history_["f1_score"], compiled, rtol=1e-5)


def test_adam_in_float64_is_adam_in_float64():
    X, y = np.eye(3), np.array([1.0, -1.0, 0.0]) * np.sqrt(1.5)  # of mean 0 and deviation 1
    net = DenseRegressor((), dtype="float64", batch_size=3, shuffle=False, random_state=0)

    def weights(**parameters):
        kernel, bias = net.set_params(**parameters).fit(X, y).model_.get_weights()
        return np.append(kernel, bias)

    w, inputs = weights(epochs=1, learning_rate=1e-30), np.c_[X, np.ones(3)]
    mean = square = np.zeros(4)
    for step in range(1, 101):
        gradient = 2 * inputs.T @ (inputs @ w - y) / 3
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        rate = 0.125 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        w = w - rate * mean / (np.sqrt(square) + 1e-7)
    assert_allclose(weights(epochs=100, learning_rate=0.125), w, rtol=1e-12)


def test_log_probabilities(iris):
    X, y = iris
    net = DenseClassifier(epochs=5, random_state=0).fit(X, y)
    assert_allclose(np.exp(net.predict_log_proba(X)), net.predict_proba(X), rtol=1e-5)


# Weights


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


# Validation during training


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


# Going on


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


@pytest.mark.parametrize("every_batch", [False, True])
def test_a_loss_that_is_not_finite_is_an_error(every_batch, diabetes):
    X, y = diabetes
    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    net = DenseRegressor(
        optimizer="sgd", learning_rate=1e6, epochs=5, callbacks=callbacks if every_batch else None
    )
    with pytest.raises(NonFiniteLossError, match=r"epoch \d.*scale the inputs.*learning_rate"):
        net.fit(X, 1e4 * y)
    with pytest.raises(ValueError, match="not fitted"):
        net.predict(X)


# Errors before any building


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"optimizer": "adma"}, "optimizer='adma'.*'adam'"),
        ({"loss": "mean_square_error"}, "loss='mean_square_error'.*'mean_squared_error'"),
        ({"metrics": ["acuracy"]}, "metrics='acuracy'.*'accuracy'"),
        ({"activation": "rleu"}, "activation='rleu'.*'relu'"),
        ({"kernel_initializer": "he_norm"}, "kernel_initializer='he_norm'.*'he_normal'"),
        ({"hidden_layer_sizes": 0}, "'hidden_layer_sizes' parameter"),
        ({"hidden_layer_sizes": (8, -1)}, r"hidden_layer_sizes.*\(8, -1\)"),
        ({"hidden_layer_sizes": (8, 2.5)}, r"hidden_layer_sizes.*\(8, 2.5\)"),
        ({"dropout": 1.0}, "'dropout' parameter.*1.0"),
        ({"epochs": 0}, "'epochs' parameter.*Got 0"),
        ({"batch_size": 2.5}, "'batch_size' parameter"),
        ({"learning_rate": 0.0}, "'learning_rate' parameter"),
        ({"l2": -1}, "'l2' parameter"),
        ({"validation_split": 1.0}, "'validation_split' parameter"),
        ({"patience": 0}, "'patience' parameter"),
        ({"dtype": "float31"}, "'dtype' parameter.*'float31'"),
        ({"class_weight": "balance"}, "'class_weight' parameter"),
        ({"random_state": "a"}, "'random_state' parameter"),
        ({"optimizer": 3}, "'optimizer' parameter"),
        ({"warm_start": "yes"}, "'warm_start' parameter"),
    ],
    ids=str,
)
def test_bad_parameters(parameters, message, iris):
    X, y = iris
    with pytest.raises((ValueError, TypeError), match=message):
        DenseClassifier(**parameters).fit(X, y)


@pytest.mark.parametrize("y", [["1.5", "2"], np.array(["a", 1.0], object), np.array([b"1", b"2"])])
def test_values_that_are_texts(y):
    X = [[1.0], [2.0]]
    with pytest.raises(ValueError, match="y must hold numbers, received the text"):
        DenseRegressor(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="y_val must hold numbers, received the text"):
        DenseRegressor(epochs=1).fit(X, [1, 2], X_val=X, y_val=y)


def test_a_column_of_labels_is_warned_of_once(iris):
    X, y = iris
    net = DenseClassifier(epochs=2, validation_split=0.2)
    with pytest.warns(DataConversionWarning, match="column-vector") as warned:
        net.fit(X, y[:, None])
    assert len(warned) == 1
    batches = tf.data.Dataset.from_tensor_slices((X, y[:, None])).batch(50)
    with pytest.warns(DataConversionWarning, match="column-vector") as warned:
        net.set_params(validation_split=0).fit(batches)
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((0, 3)), [], "0 sample"),
        ([[1.0], [np.nan]], [0, 1], "NaN"),
        ([["a"], ["b"]], [0, 1], "OneHotEncoder"),
        ([[1.0], [2.0]], [1, 1], "only one class"),
        ([[1.0], [2.0]], [0, 1, 2], "inconsistent numbers of samples"),
        ([[1.0], [1e39]], [0, 1], "too large"),
        (np.zeros((2, 2, 2)), [0, 1], "dim 3"),
        ([1.0, 2.0], [0, 1], "1D array"),
        ([[1.0], [2.0], [3.0]], [0.5, 1.5, 2.7], "continuous"),
    ],
)
def test_bad_data(X, y, message):
    with pytest.raises(ValueError, match=message):
        DenseClassifier(epochs=1).fit(X, y)


def test_bad_data_at_predict_and_for_regressors(iris):
    X, y = iris
    net = DenseClassifier(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but DenseClassifier is expecting 4"):
        net.predict(X[:, :3])
    with pytest.raises(ValueError, match="OneHotEncoder"):
        net.predict(np.full((2, 4), "text", dtype=object))
    with pytest.raises(ValueError, match="too large"):
        DenseRegressor(standardize_y=False).fit(X, np.where(y == 0, 1e39, 1.0))


def test_one_row_cannot_be_held_out():
    with pytest.raises(ValueError, match=r"n_samples = 1 .*early_stopping=True"):
        DenseRegressor(early_stopping=True).fit([[1.0]], [1.0])


def test_level_with_scikit_learn_on_real_images(mnist_5k):
    X, y = mnist_5k
    train, test = slice(0, 4000), slice(4000, None)
    order = np.random.default_rng(0).permutation(5000)
    X, y = X[order], y[order]
    settings = {"hidden_layer_sizes": (64,), "batch_size": 64, "random_state": 0}
    net = DenseClassifier(epochs=10, **settings).fit(X[train], y[train])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp = MLPClassifier(max_iter=10, alpha=0, **settings).fit(X[train], y[train])
    assert net.score(X[test], y[test]) > mlp.score(X[test], y[test]) - 0.01 > 0.9


def test_boston_housing(boston):
    """Experiment A7, shortened: k-fold mean absolute error in thousands of dollars."""
    from sklearn.model_selection import KFold, cross_val_score

    X, y = boston
    net = DenseRegressor((64, 64), optimizer="rmsprop", epochs=80, batch_size=16, random_state=0)
    scores = cross_val_score(
        make_pipeline(StandardScaler(), net), X, y,
        cv=KFold(4, shuffle=True, random_state=0), scoring="neg_mean_absolute_error",
    )  # fmt: skip
    assert -2.8 < scores.mean() < -1.8
