"""Texts as sequences of token ids beside a bag of words, on the newswires of R52."""

import csv
import gzip

import keras
from sklearn.pipeline import make_pipeline

from skdl import KerasClassifier, TextBoWClassifier, TokenSequencer

MAX_WORDS = 5000


def convolution(input_shape, n_outputs, output_activation):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Embedding(MAX_WORDS, 32),
            keras.layers.Conv1D(64, 3, activation="relu"),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(n_outputs, activation=output_activation),
        ]
    )


def test_sequences_and_bags_of_words_tell_the_topics_of_newswires(shared):
    """Of 52 topics the most frequent has 42 percent of the test texts."""
    with gzip.open(shared / "data" / "reuters_r52.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    train, test = (
        tuple([row[name] for row in rows if row["split"] == split] for name in ("text", "category"))
        for split in ("train", "test")
    )
    bag = TextBoWClassifier(
        max_words=MAX_WORDS, hidden_layer_sizes=(64, 64), epochs=8, batch_size=512, random_state=0
    )
    words = bag.fit(*train).score(*test)
    settings = {"epochs": 6, "batch_size": 128, "learning_rate": 0.003, "random_state": 0}
    ids = TokenSequencer(MAX_WORDS, length=80, truncating="post")
    sequences = make_pipeline(ids, KerasClassifier(convolution, **settings)).fit(*train)
    assert words > 0.84
    assert sequences.score(*test) > 0.88
