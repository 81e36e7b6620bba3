"""`TokenSequencer`: documents as padded rows of token ids."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skdl import KerasClassifier, TokenSequencer

TEXTS = ["fine fine film", "a bad film", b"bad bad bad plot and actors", ""]


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("length", [2, 5, None])
def test_pads_as_keras_does(padding, truncating, length):
    sequencer = TokenSequencer(6, length=length, padding=padding, truncating=truncating)
    found = sequencer.fit_transform(TEXTS)
    words = [
        ["fine", "fine", "film"],
        ["bad", "film"],
        ["bad", "bad", "bad", "plot", "and", "actors"],
        [],
    ]
    ids = [[sequencer.vocabulary_.get(word, 1) for word in row] for row in words]
    expected = keras.utils.pad_sequences(ids, length, padding=padding, truncating=truncating)
    assert_array_equal(found, expected)
    assert found.dtype == np.int32
    assert sequencer.vocabulary_["bad"] == 2  # the most frequent
    assert max(sequencer.vocabulary_.values()) == 5
    unknown = sequencer.transform(["unknown bad"])[0]
    assert unknown[unknown > 0].tolist() == [1, 2]


def test_word_indices_stay():
    found = TokenSequencer(10).fit_transform([[1, 4, 12], [1, 5, 6, 9]])
    assert_array_equal(found, [[0, 1, 4, 2], [1, 5, 6, 9]])
    table = TokenSequencer(10, length=2).fit(np.array([[0, 3, 4], [5, 6, 7]]))
    assert_array_equal(table.transform(np.array([[0, 3, 40]])), [[3, 2]])
    assert table.n_features_in_ == 3


def test_what_goes_wrong_is_said():
    sequencer = TokenSequencer().fit(TEXTS)
    with pytest.raises(ValueError, match="X holds word indices, but fit was on texts"):
        sequencer.transform([[1, 2]])
    with pytest.raises(ValueError, match="X holds texts, but fit was on word indices"):
        TokenSequencer().fit([[1, 2]]).transform(TEXTS)
    with pytest.raises(ValueError, match="input='indices' takes no texts"):
        TokenSequencer(input="indices").fit(TEXTS)
    with pytest.raises(ValueError, match="No words"):
        TokenSequencer().fit(["a", "b"])


def test_before_an_embedding():
    def make_model(input_shape, n_outputs, output_activation, words=50):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                keras.layers.Embedding(words, 4, mask_zero=True),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(n_outputs, activation=output_activation),
            ]
        )

    texts = ["good film", "bad film", "what a good plot", "bad, bad plot"] * 10
    net = KerasClassifier(make_model, learning_rate=0.1, epochs=20, random_state=0)
    pipe = make_pipeline(TokenSequencer(50), clone(net))
    labels = ["good", "bad"] * 20
    assert pipe.fit(texts, labels).score(texts, labels) == 1
    assert list(pipe.predict(["a good one", "unknown bad words"])) == ["good", "bad"]
