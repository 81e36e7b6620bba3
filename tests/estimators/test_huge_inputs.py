"""Numbers that float32 cannot hold: scikit-learn's error, and no warning before it."""

import numpy as np
import pandas as pd
import pytest

from skdl import DenseClassifier


@pytest.mark.parametrize("n_rows", [30, 3000])
@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame])
def test_infinities_of_both_signs_are_an_error_alone(n_rows, kind):
    X = np.random.default_rng(0).normal(size=(n_rows, 100)) * 1e300
    y = (X[:, 0] > 0).astype(int)
    with pytest.raises(ValueError, match="infinity or a value too large for dtype"):
        DenseClassifier((2,), epochs=1).fit(kind(X), y)
