"""What scikeras documents, said with skdl; and functions of a script in worker processes."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import KerasClassifier, KerasRegressor


def get_model(hidden_layer_dim, meta):
    """Take what is known of the data from `meta`, as in scikeras's first example."""
    n_features, n_classes = meta["n_features_in_"], meta["n_classes_"]
    assert meta["X_shape_"][1:] == (n_features,)
    return keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.Dense(n_features, activation="relu"),
            keras.layers.Dense(hidden_layer_dim, activation="relu"),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
    )


def by_target(hidden_layer_sizes, meta, compile_kwargs):
    """Choose output and loss by the type of the target and compile, as in its long example."""
    kind, compile_kwargs = meta["target_type_"], dict(compile_kwargs)
    units, activation, loss = {
        "binary": (1, "sigmoid", "binary_crossentropy"),
        "multiclass": (meta.get("n_classes_"), "softmax", "sparse_categorical_crossentropy"),
        "multilabel-indicator": (meta["n_outputs_"], "sigmoid", "binary_crossentropy"),
        "continuous": (1, None, "mse"),
        "continuous-multioutput": (meta["n_outputs_"], None, "mse"),
    }[kind]
    model = keras.Sequential([keras.Input((meta["n_features_in_"],))])
    for size in hidden_layer_sizes:
        model.add(keras.layers.Dense(size, activation="relu"))
    model.add(keras.layers.Dense(units, activation=activation))
    model.compile(**{**compile_kwargs, "loss": loss})
    return model


@pytest.fixture(scope="module")
def classes():
    X, y = make_classification(300, 20, n_informative=10, random_state=0)
    return X.astype(np.float32), y


@pytest.mark.slow
def test_classifier_in_a_pipeline_and_a_search(classes):
    X, y = classes
    net = KerasClassifier(
        get_model,
        loss="sparse_categorical_crossentropy",
        model_params={"hidden_layer_dim": 100},
        random_state=0,
    )
    pipe = make_pipeline(StandardScaler(), net).fit(X, y)
    assert pipe.score(X, y) > 0.75
    assert pipe.predict_proba(X[:5]).shape == (5, 2)
    grid = {
        "model__hidden_layer_dim": [5, 50],
        "learning_rate": [0.001, 0.05],
        "optimizer": ["sgd", "adam"],
    }
    search = GridSearchCV(net.set_params(epochs=3), grid, cv=3, refit=False).fit(X, y)
    assert search.best_params_["learning_rate"] == 0.05
    assert search.best_score_ > 0.8


@pytest.mark.parametrize("n_classes", [2, 3])
def test_any_target_of_a_classifier(n_classes):
    X, y = make_classification(200, n_informative=8, n_classes=n_classes, random_state=0)
    parameters = {"model_params": {"hidden_layer_sizes": (50,)}, "learning_rate": 0.02}
    net = KerasClassifier(by_target, **parameters, random_state=0).fit(X, y)
    assert net.score(X, y) > 0.9
    labels = np.eye(n_classes, dtype=int)[y] | np.eye(n_classes, dtype=int)[y[::-1]]
    several = KerasClassifier(by_target, **parameters, random_state=0).fit(X, labels)
    assert several.predict(X).shape == labels.shape


@pytest.mark.parametrize("n_targets", [1, 2])
def test_any_target_of_a_regressor(n_targets):
    X, y = make_regression(200, 10, n_targets=n_targets, random_state=0)
    y = y / y.std()
    net = KerasRegressor(
        by_target, model_params={"hidden_layer_sizes": (50,)}, learning_rate=0.02, random_state=0
    ).fit(X, y)
    assert net.score(X, y) > 0.9
    assert net.predict(X).shape == y.shape


def test_warm_start_goes_on_and_partial_fit_too(classes):
    X, y = classes
    parameters = {"model_params": {"hidden_layer_dim": 10}, "epochs": 3, "random_state": 0}
    net = KerasClassifier(get_model, warm_start=True, **parameters).fit(X, y).fit(X, y)
    assert len(net.history_["loss"]) == net.n_iter_ == 6
    assert net.history_["loss"][-1] < net.history_["loss"][0]
    assert net.partial_fit(X, y).n_iter_ == 7


SCRIPT = """
import keras
import numpy as np
from sklearn.model_selection import cross_val_score
from skdl import KerasClassifier

def make_model(input_shape, n_outputs, output_activation):
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Dense(8, activation=lambda x: keras.ops.tanh(x)),
        keras.layers.Dense(n_outputs, activation=output_activation),
    ])

rng = np.random.default_rng(0)
X, y = rng.normal(size=(90, 4)), rng.integers(0, 3, 90)
net = KerasClassifier(make_model, epochs=3, random_state=0)
scores = [cross_val_score(net, X, y, cv=3, n_jobs=n_jobs) for n_jobs in (1, 2)]
print((scores[0] == scores[1]).all())
"""


@pytest.mark.slow
def test_functions_of_a_script_in_worker_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]


def test_cross_validation_stratifies(classes):
    net = KerasClassifier(get_model, model_params={"hidden_layer_dim": 10}, random_state=0)
    assert cross_val_score(net, *classes, cv=3).mean() > 0.7
