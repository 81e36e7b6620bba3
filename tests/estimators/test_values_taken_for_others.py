"""Values that Python or NumPy would take for something else: True for 1, bytes for numbers."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone

import skdl
from skdl import ConvNetClassifier, DenseClassifier, OneHotTextVectorizer, TextBoWClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4))
Y = np.arange(20) % 2
ESTIMATORS = [
    skdl.DenseClassifier(),
    skdl.DenseRegressor(),
    skdl.ConvNetClassifier(),
    skdl.TabularClassifier(),
    skdl.TabularRegressor(),
    skdl.PiecewiseLinearEncoder(),
]
NUMBERS = {"batch_size", "epochs", "l1", "l2", "learning_rate", "n_bins", "n_members", "patience"}


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("value", [True, np.True_])
def test_true_is_no_number(estimator, value):
    names = NUMBERS & estimator.get_params().keys()
    for name in names:
        with pytest.raises(ValueError, match=f"'{name}' parameter of .* must be a number, rec"):
            clone(estimator).set_params(**{name: value}).fit(X, Y)
    assert names


def test_pixels_are_not_left_as_they_are_by_rescale_true():
    with pytest.raises(ValueError, match=r"must be a number, received True\. rescale='auto'"):
        ConvNetClassifier(rescale=True).fit(RNG.integers(0, 255, (8, 4, 4)), Y[:8])


def test_false_and_flags_stay():
    net = DenseClassifier(2, dropout=False, batch_normalization=True, epochs=1, verbose=False)
    assert net.set_params(early_stopping=True, patience=2).fit(X, Y).n_iter_ == 1


@pytest.mark.parametrize("reader", [OneHotTextVectorizer(), TextBoWClassifier(epochs=1)])
def test_documents(reader):
    texts = ["a good film", "a bad one"]
    with pytest.raises(TypeError, match=r"received a set, which has no order\. Give a list"):
        reader.fit(set(texts), [0, 1])
    for make in (bytearray, memoryview):
        with pytest.raises(ValueError, match=rf"Document 0 is of type {make.__name__}.* bytes\("):
            reader.fit([make(text.encode()) for text in texts], [0, 1])
    reader.fit((text.encode() for text in texts), [0, 1])


def test_a_data_set_that_is_not_batched():
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    with pytest.raises(ValueError, match=r"single rows: .* Give X\.batch\(32\)"):
        DenseClassifier(2, epochs=1).fit(data)
    with pytest.raises(ValueError, match=r"single rows: .* Give X_val\.batch\(32\)"):
        DenseClassifier(2, epochs=1).fit(data.batch(10), X_val=data)
