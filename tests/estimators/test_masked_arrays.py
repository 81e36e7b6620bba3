"""Masked arrays: what lies under a mask is no value, and is never read as one."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    ImageReshaper,
    KerasClassifier,
    OneHotTextVectorizer,
    PiecewiseLinearEncoder,
    TabularClassifier,
    TabularRegressor,
    TextBoWClassifier,
    TokenSequencer,
    build_dense,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
MASKED = np.ma.masked_greater(X, 1.0)


def network(n_features, n_outputs, output_activation):
    return build_dense((n_features,), n_outputs, output_activation, hidden_layer_sizes=(2,))


ESTIMATORS = [
    DenseClassifier(2, epochs=1, random_state=0),
    DenseRegressor(2, epochs=1, random_state=0),
    ConvNetClassifier(2, kernel_size=1, epochs=1, image_shape=(2, 2, 1), random_state=0),
    KerasClassifier(network, epochs=1, random_state=0),
    TabularClassifier(hidden_layer_sizes=2, epochs=1, n_members=2, random_state=0),
    TabularRegressor(hidden_layer_sizes=2, epochs=1, n_members=2, random_state=0),
]


@pytest.mark.parametrize("net", ESTIMATORS, ids=lambda net: type(net).__name__)
def test_what_is_masked_is_an_error(net):
    targets = np.ma.masked_array(Y, mask=X[:, 1] > 1)
    with pytest.raises(ValueError, match=r"X is a masked array in which \d+ of 96 values"):
        net.fit(MASKED, Y)
    with pytest.raises(ValueError, match=r"y is a masked array .* y\.astype\(float\)\.filled"):
        net.fit(X, targets)
    with pytest.raises(ValueError, match="sample_weight is a masked array"):
        net.fit(X, Y, sample_weight=np.ma.masked_less(np.ones(24) + X[:, 0] ** 2, 1.5))
    net.fit(np.ma.masked_array(X), np.ma.masked_array(Y))  # nothing is masked
    with pytest.raises(ValueError, match="X is a masked array"):
        net.predict(MASKED)


def test_validation_data_are_looked_at():
    net = DenseRegressor(2, epochs=1, random_state=0)
    with pytest.raises(ValueError, match="X is a masked array") as refused:
        net.fit(X, Y, X_val=MASKED, y_val=Y)
    assert "X_val" in refused.value.__notes__[0]
    with pytest.raises(ValueError, match="y_val is a masked array"):
        net.fit(X, Y, X_val=X, y_val=np.ma.masked_equal(Y, 1))


@pytest.mark.parametrize("transformer", [PiecewiseLinearEncoder(), ImageReshaper((2, 2, 1))])
def test_transformers(transformer):
    with pytest.raises(ValueError, match="X is a masked array"):
        transformer.fit(MASKED)
    transformer.fit(X)
    with pytest.raises(ValueError, match="X is a masked array"):
        transformer.transform(MASKED)
    assert_array_equal(transformer.transform(np.ma.masked_array(X)), transformer.transform(X))


@pytest.mark.parametrize("reader", [OneHotTextVectorizer(), TokenSequencer(), TextBoWClassifier()])
def test_texts(reader):
    texts = np.ma.masked_array(["a good film", "a bad one"], mask=[False, True])
    with pytest.raises(ValueError, match=r"X is a masked array .* Use X\.filled\(''\)"):
        reader.fit(texts, [0, 1])
