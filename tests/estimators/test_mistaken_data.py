"""Data and values of parameters that are mistaken for others: the error says what to give."""

import datetime
import re

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from sklearn.metrics import accuracy_score

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    ImageReshaper,
    KerasClassifier,
    PretrainedFeatureClassifier,
    PretrainedFeatureExtractor,
    TabularClassifier,
    TabularRegressor,
    TextBoWClassifier,
    build_convnet,
)

X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2
DAYS = pd.date_range("2026-01-01", periods=20)


def two_inputs(n_outputs, output_activation):
    inputs = [keras.Input((2,), name=name) for name in "ab"]
    joined = layers.Concatenate()(inputs)
    return keras.Model(inputs, layers.Dense(n_outputs, activation=output_activation)(joined))


EVERY = [
    DenseClassifier(2, epochs=1),
    KerasClassifier(two_inputs, epochs=1),
    TabularClassifier(epochs=1),
]


def named(estimator):
    return type(estimator).__name__


@pytest.mark.parametrize("estimator", EVERY, ids=named)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([X[:, :2], X[:, 2:]], r"a list of 2 arrays of 20 rows\. .*numpy\.hstack"),
        ((X[:, :3], X[:, 3:]), r"a tuple of 2 arrays of 20 rows"),
        ([pd.DataFrame(X), pd.DataFrame({"text": ["a"] * 20})], "a list of 2 arrays of 20 rows"),
        ({"a": X[:, 0], "b": X[:, 1]}, "received a dict"),
        ([{"a": 1.0}] * 20, r"received a list of dicts\. .*pandas\.DataFrame\(X\)"),
        ("people.csv", r"'people\.csv'\. .*pandas\.read_csv\('people\.csv'\)"),
        ((row for row in X), r"an iterator \(generator\).*give list\(X\)"),
    ],
)
def test_what_is_no_table(estimator, given, message):
    with pytest.raises(TypeError, match=f"^X must be one array or table of all rows, .*{message}"):
        estimator.fit(given, y)


def test_several_arrays_are_told_of_inputs_and_rows_of_arrays_are_rows():
    with pytest.raises(TypeError, match=r"side by side.*say by `inputs`"):
        KerasClassifier(two_inputs).fit([X[:, :2], X[:, 2:]], y)
    net = KerasClassifier(
        lambda n_outputs: keras.Sequential([layers.Flatten(), layers.Dense(n_outputs)]), epochs=1
    )
    rows = list(X.reshape(20, 2, 2))  # as many arrays as targets
    assert net.fit(rows, y).input_shape_ == (2, 2)


@pytest.mark.parametrize("estimator", [*EVERY, DenseRegressor(2), TabularRegressor()], ids=named)
def test_what_is_no_y(estimator):
    for given, message in (
        (3, r"received 3\. A single target is given as a list"),
        (np.array(3), r"received array\(3\)"),
        ({"y": y}, "received a dict"),
        ((label for label in y), r"an iterator \(generator\)\. Give list\(y\)"),
    ):
        with pytest.raises(TypeError, match=f"^y must be an array-like .*{message}"):
            estimator.fit(X, given)
    with pytest.raises(ValueError, match=r"^y must be .* an array of shape \(20, 1, 1\)"):
        estimator.fit(X, y[:, None, None])


@pytest.mark.parametrize("estimator", [DenseRegressor(2), TabularRegressor()], ids=named)
@pytest.mark.parametrize(
    "dates",
    [DAYS, DAYS.to_numpy(), DAYS - DAYS[0], [datetime.date(2026, 1, day) for day in range(1, 21)]],
    ids=["pandas", "NumPy", "durations", "objects"],
)
def test_dates_are_no_values(estimator, dates):
    with pytest.raises(ValueError, match=r"^y must hold numbers, received dates or durations"):
        estimator.fit(X, dates)


@pytest.mark.parametrize(
    "estimator", [DenseClassifier(2), ConvNetClassifier(2), KerasClassifier(two_inputs)], ids=named
)
@pytest.mark.parametrize(
    "dates",
    [pd.DataFrame({"day": DAYS, "n": 1.0}), DAYS.to_numpy()[:, None]],
    ids=["table", "array"],
)
def test_dates_are_no_numbers(estimator, dates):
    where = r"in 'day'\." if isinstance(dates, pd.DataFrame) else "in all its columns"
    with pytest.raises(ValueError, match=f"^X must hold numbers, .*dates or durations {where}"):
        estimator.fit(dates, y)


@pytest.mark.parametrize("estimator", EVERY, ids=named)
def test_weights_of_classes_are_no_weights_of_rows(estimator):
    for given in ("balanced", {0: 1, 1: 2}):
        message = re.escape(f"received {given!r}.") + ".*" + re.escape(f"class_weight={given!r}")
        with pytest.raises(
            TypeError, match=f"^sample_weight must be one number per row, {message}"
        ):
            estimator.fit(X, y, sample_weight=given)


def test_numbers_are_no_documents():
    with pytest.raises(ValueError, match=r"X must hold documents: texts, or sequences"):
        TextBoWClassifier().fit([1, 2, 3, 4], [0, 1, 0, 1])


BASE = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3)])


@pytest.mark.parametrize(
    "estimator",
    [
        ConvNetClassifier(2, image_shape=28),
        ImageReshaper(28),
        PretrainedFeatureClassifier(BASE, weights=None, image_shape=28),
        PretrainedFeatureExtractor(BASE, weights=None, image_shape=28),
    ],
    ids=named,
)
def test_a_side_is_no_shape(estimator):
    with pytest.raises(ValueError, match=r"Got 28 instead\. .*image_shape=\(28, 28\)\."):
        estimator.fit(np.zeros((20, 784)), y)


def test_nor_is_it_one_of_a_builder():
    with pytest.raises(ValueError, match=r"^input_shape must be \(height, width, channels\)"):
        build_convnet(28, 2)


@pytest.mark.parametrize(
    ("parameters", "remedy"),
    [
        (
            {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)},
            r"optimizer=keras\.optimizers\.Adam\(schedule\)",
        ),
        ({"early_stopping": keras.callbacks.EarlyStopping()}, "Set early_stopping=True"),
        ({"callbacks": print}, r"LambdaCallback\(on_epoch_end=\.\.\.\)"),
        ({"class_weight": [1, 2]}, r"class_weight={label: weight"),
        ({"dtype": np.float32}, r"dtype='float32'\.$"),
        ({"dtype": "mixed_float16"}, r"dtype='mixed_bfloat16'\.$"),
    ],
)
def test_values_of_the_wrong_kind(parameters, remedy):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"^The '{name}' parameter of DenseClassifier .*{remedy}"):
        DenseClassifier(2, **parameters).fit(X, y)


def test_what_has_no_remedy_is_as_scikit_learn_says_it():
    with pytest.raises(ValueError, match=r"Got 0 instead\.$"):
        DenseClassifier(2, epochs=0).fit(X, y)
    with pytest.raises(ValueError, match=r"augmentation={'flip': 'horizontal'"):
        ConvNetClassifier(2, augmentation="flip").fit(X, y)
    with pytest.raises(ValueError, match=r"inputs={'first'"):
        KerasClassifier(two_inputs, inputs=[[0, 1], [2, 3]]).fit(X, y)
    with pytest.raises(ValueError, match=r"keras\.Sequential of new layers"):
        KerasClassifier([layers.Dense(2)]).fit(X, y)


@pytest.mark.parametrize("estimator", EVERY[:2], ids=named)
def test_metrics_of_scikit_learn_take_no_tensors(estimator):
    net = type(estimator)(**estimator.get_params(deep=False) | {"metrics": [accuracy_score]})
    if isinstance(net, KerasClassifier):
        net.set_params(inputs={"a": [0, 1], "b": [2, 3]})
    with pytest.raises(TypeError, match="received accuracy_score of scikit-learn"):
        net.fit(X, y)
