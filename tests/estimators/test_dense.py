"""`DenseClassifier` and `DenseRegressor`: layers, targets, losses and metrics."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from slow_cases import slow_but

from skdl import DenseClassifier, DenseRegressor, build_dense

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


@pytest.mark.parametrize("name", slow_but(["A7", "A10", "C1"], COUNTS))
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
