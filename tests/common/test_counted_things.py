"""What is counted stands in the singular where there is one of it."""

import numpy as np
import pytest

from skdl import DenseClassifier, DenseRegressor, ImageReshaper

X, Y = np.random.default_rng(0).normal(size=(8, 2)), np.arange(8) % 2


@pytest.mark.parametrize(("epochs", "said"), [(1, "8 rows, 1 epoch,"), (2, "8 rows, 2 epochs,")])
def test_lines_of_training(epochs, said, capsys):
    DenseClassifier(2, epochs=epochs, verbose=2).fit(X, Y)
    assert said in capsys.readouterr().out


def test_one_row_and_one_column_in_errors():
    with pytest.raises(ValueError, match="n_samples = 1 row leaves none"):
        DenseRegressor(2, epochs=1, validation_split=0.5).fit(X[:1], X[:1, 0])
    with pytest.raises(ValueError, match=r"of 1 row, 1 have no target"):
        DenseClassifier(2, epochs=1).fit(X[:1], [np.nan])
    with pytest.raises(ValueError, match=r"does not divide the 1 column of X"):
        ImageReshaper(channels=3).fit(X[:, :1])
