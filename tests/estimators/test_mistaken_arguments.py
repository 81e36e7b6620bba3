"""Arguments and objects that are mistaken for others: the error says what to give instead."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import (
    DenseClassifier,
    KerasClassifier,
    LossCurveDisplay,
    TabularClassifier,
    TextBoWClassifier,
)

X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2


def network(hidden=4):
    return keras.Sequential(
        [keras.layers.Dense(hidden), keras.layers.Dense(1, activation="sigmoid")]
    )


@pytest.mark.parametrize(
    ("estimator", "name", "meant"),
    [
        (DenseClassifier(), "epoch", "epochs"),
        (DenseClassifier(), "max_iter", "epochs"),
        (TextBoWClassifier(), "num_words", "max_words"),
        (TabularClassifier(), "n_estimators", "n_members"),
        (KerasClassifier(network), "lr", "learning_rate"),
    ],
)
def test_set_params_names_the_parameter_that_is_meant(estimator, name, meant):
    with pytest.raises(ValueError, match=rf"^Invalid parameter '{name}' .* Use {meant}\.$"):
        estimator.set_params(**{name: 1})
    assert getattr(estimator.set_params(**{meant: 1}), meant) == 1


def test_so_do_pipelines_and_searches():
    pipe = make_pipeline(StandardScaler(), DenseClassifier())
    with pytest.raises(ValueError, match=r"Use epochs\.$"):
        pipe.set_params(denseclassifier__epoch=3)
    with pytest.raises(ValueError, match=r"Use hidden_layer_sizes\.$"):
        GridSearchCV(DenseClassifier(), {"hidden_layer_size": [2]}, cv=2).fit(X, y)
    with pytest.raises(ValueError, match=r"^Invalid parameter 'nothing' .*'warm_start'\]\.$"):
        DenseClassifier().set_params(nothing=1)


def test_hyperparameters_of_a_function_are_given_by_their_own_names():
    for name in ("hidden", "model__hidden"):
        with pytest.raises(TypeError, match=r"give model_params={'hidden': \.\.\.}") as error:
            KerasClassifier(network, **{name: 3})
        assert "model__hidden" in str(error.value)
    with pytest.raises(ValueError, match="Set model__hidden,"):
        KerasClassifier(network).set_params(hidden=3)
    with pytest.raises(TypeError, match=r"Set loss=keras\.losses\.Huber"):
        KerasClassifier(network, loss__delta=3)


def test_what_is_said_of_early_stopping():
    with pytest.raises(TypeError, match=r"EarlyStopping\(monitor=\.\.\.\)"):
        DenseClassifier(monitor="val_accuracy")
    with pytest.raises(TypeError, match=r"restores the weights"):
        KerasClassifier(network, restore_best_weights=True)
    with pytest.raises(TypeError, match=r"Each member is stopped early.*patience"):
        TabularClassifier(early_stopping=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer", keras.optimizers.Adam),
        ("loss", keras.losses.BinaryCrossentropy),
        ("callbacks", [keras.callbacks.EarlyStopping]),
    ],
)
@pytest.mark.parametrize("estimator", [DenseClassifier, lambda **k: KerasClassifier(network, **k)])
def test_a_class_is_no_object(estimator, name, value):
    cls = value[0] if isinstance(value, list) else value
    with pytest.raises(TypeError, match=rf"{name} must .*{cls.__name__}.* Call .*{cls.__name__}\("):
        estimator(**{name: value}).fit(X, y)


def test_a_function_is_no_callback():
    with pytest.raises(TypeError, match=r"callbacks must .*LambdaCallback\(on_epoch_end=\.\.\.\)"):
        DenseClassifier(callbacks=[print]).fit(X, y)


def test_a_file_is_no_folder_of_checkpoints(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("keep me")
    with pytest.raises(NotADirectoryError, match=r"checkpoint='.*notes\.txt' must be a folder"):
        DenseClassifier(2, epochs=1, checkpoint=path).fit(X, y)
    assert path.read_text() == "keep me"


def test_a_convolution_on_a_table_is_told_of_axes():
    def convolution():
        return keras.Sequential(
            [keras.layers.Conv1D(2, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
        )

    net = KerasClassifier(convolution, epochs=1, random_state=0)
    with pytest.raises(ValueError, match=r"shape \(None, 3\): .* X\[\.\.\., None\] has one more"):
        net.fit(X, y)
    assert net.fit(X[..., None], y).model_.input_shape == (None, 3, 1)


def test_several_networks_have_a_method_of_their_own():
    with pytest.raises(TypeError, match=r"a list of 1\. Use LossCurveDisplay\.from_estimators"):
        LossCurveDisplay.from_estimator([DenseClassifier()])
