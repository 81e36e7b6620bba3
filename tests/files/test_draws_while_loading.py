"""What other threads draw from Python's generator while a file is read is drawn once."""

import random
import threading

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import skdl
from skdl import DenseClassifier

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)).astype(np.float32), np.arange(20) % 2
drawn = []


class Drawing(TransformerMixin, BaseEstimator):
    """Stands for another thread, which draws while a file that holds this is read."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X

    def __setstate__(self, state):
        super().__setstate__(state)
        other = threading.Thread(target=lambda: drawn.append(random.random()))
        other.start()
        other.join()


NETWORK = DenseClassifier(
    4, kernel_initializer=keras.initializers.HeNormal(), activation=keras.layers.PReLU(),
    epochs=1, random_state=0,
)  # fmt: skip


@pytest.mark.parametrize("last", [NETWORK, LogisticRegression()])
def test_no_number_is_drawn_twice(last, tmp_path):
    pipeline = make_pipeline(Drawing(), last).fit(X, Y)
    skdl.save(pipeline, tmp_path / "net.skdl")
    for trusted in ([Drawing], [f"{__name__}.Drawing"]):
        drawn.clear()
        random.seed(5)
        again = skdl.load(tmp_path / "net.skdl", trusted=trusted)
        following = random.random()
        expected = random.Random(5)
        assert [*drawn, following] == [expected.random() for _ in range(len(drawn) + 1)]
        assert len(drawn) == 1
        assert_array_equal(again.predict_proba(X), pipeline.predict_proba(X))
