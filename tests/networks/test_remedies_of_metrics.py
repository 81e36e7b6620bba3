"""What an error says to use can be used."""

import re

import numpy as np
import pytest

from skdl import DenseRegressor


@pytest.mark.parametrize("parameter", ["loss", "metrics"])
def test_names_in_the_remedy_are_known(parameter):
    X = np.random.default_rng(0).normal(size=(20, 2))
    net = DenseRegressor((2,), epochs=1)
    with pytest.raises(ValueError, match="Use one of values") as error:
        net.set_params(**{parameter: "cosine_similarity"}).fit(X, X[:, 0])
    advice = str(error.value).partition("such as")[2]
    names = re.findall("'(.*?)'", advice)
    assert len(names) == 2
    for name in names:
        net.set_params(**{parameter: name}).fit(X, X[:, 0])
