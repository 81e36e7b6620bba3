"""What newcomers type first: each error says what to give in its place."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from skdl import ConvNetClassifier, DenseClassifier, DenseRegressor, TextBoWClassifier

X, Y = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    ("parameters", "remedy"),
    [
        (
            {"hidden_layer_sizes": "64,64"},
            r"Give numbers, .*: hidden_layer_sizes=\(64, 64\)\.$",
        ),
        ({"learning_rate": "1e-3"}, r"Give numbers, not a text: learning_rate=0\.001\.$"),
        ({"epochs": "100"}, r"Give numbers, not a text: epochs=100\.$"),
        ({"epochs": 1e2}, r"Give an int: epochs=100\.$"),
        ({"validation_split": 20}, r"Give the share of the rows that are held out, .*=0\.2\.$"),
        ({"validation_split": 1.0}, r"Give the share of the rows that are held out, .*=0\.2\.$"),
        ({"dropout": 2.0}, r"Got 2\.0 instead\.$"),
        ({"early_stopping": "yes"}, r"Got 'yes' instead\.$"),
    ],
)
def test_values_of_another_type(parameters, remedy):
    with pytest.raises(ValueError, match=remedy):
        DenseClassifier(**parameters).fit(X, Y)


def test_an_image_shape_as_text():
    with pytest.raises(ValueError, match=r"image_shape=\(28, 28\)\.$"):
        ConvNetClassifier(image_shape="(28, 28)").fit(X, Y)


@pytest.mark.parametrize("estimator", [DenseClassifier(), DenseRegressor()])
def test_a_tuple_of_several_results_is_no_y(estimator):
    with pytest.raises(TypeError, match=r"a tuple of 2 sequences .* pandas\.factorize"):
        estimator.fit(X, pd.factorize(Y))
    with pytest.raises(TypeError, match=r"a list of 150 sequences .*\.MultiLabelBinarizer makes"):
        estimator.fit(X, [[0], *[[0, 1]] * 149])


def test_sequences_of_one_length_are_columns():
    fitted = DenseRegressor(2, epochs=1, random_state=0).fit(X, [[0.0, 1.0]] * 150)
    assert fitted.n_outputs_ == 2


def test_errors_of_validation_rows_say_so():
    with pytest.raises(ValueError, match="X has 3 features") as raised:
        DenseRegressor(2, epochs=1).fit(X, Y, X_val=X[:, :3], y_val=Y)
    assert raised.value.__notes__ == ["These are the validation rows: X_val and y_val."]
    with pytest.raises(ValueError, match="NaN") as raised:
        DenseRegressor(2, epochs=1).fit(X, Y, X_val=X * np.nan, y_val=Y)
    assert raised.value.__notes__ == ["These are the validation rows: X_val and y_val."]


def test_the_path_of_texts(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("text\na fine film\n")
    for given in (path, str(path), tmp_path):
        with pytest.raises(ValueError, match=r"This is a path\. Read the texts first"):
            TextBoWClassifier().fit(given, Y)
    with pytest.raises(ValueError, match=r"A single document is passed as \[document\]\.$"):
        TextBoWClassifier().fit("a fine film", Y)
