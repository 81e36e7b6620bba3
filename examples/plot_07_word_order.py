"""
Sequence networks pay off when word order matters
=================================================

A bag of words knows which words a text contains. A network on their sequence, with an embedding
followed by a convolution or a recurrent layer, also knows their order. If the order decides the
class, the bag of words is no better than chance; if it does not, the bag of words is hard to beat.
"""

# %%
# The texts are artificial requests to a railway office, and the class is the city to which the
# traveller wants to go. Each request names two cities, and only the words before them tell which
# one is the destination. Half of the requests name the destination first.
import ast
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sklearn
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdl import KerasClassifier, TextBoWClassifier, TokenSequencer

CITIES = ["oslo", "rome", "paris", "vienna", "madrid"]
BEGIN = ["good morning", "hello", "excuse me please", "i am in a hurry", ""]
WANTS = ["i need a ticket", "is there a train", "my mother wants to travel", "two seats please"]
ENDS = ["tomorrow morning", "next week", "before the weekend", "by night train if possible", ""]


def requests(n_texts, seed):
    """Return texts and destinations."""
    rng = np.random.default_rng(seed)
    texts, destinations = [], []
    for _ in range(n_texts):
        start, end = rng.choice(CITIES, 2, replace=False)
        route = [f"from {start}", f"to {end}"]
        words = rng.choice(BEGIN), rng.choice(WANTS), *rng.permutation(route), rng.choice(ENDS)
        texts.append(" ".join(filter(None, words)))
        destinations.append(end)
    return texts, destinations


X_train, y_train = requests(2000, seed=0)
X_test, y_test = requests(1000, seed=1)
print(pd.DataFrame({"text": X_train, "destination": y_train}).head().to_string())

# %%
# `TokenSequencer` turns texts into rows of word ids, padded with zeros at the beginning to the same
# length. The functions receive this length as `input_shape`, and the number of outputs with their
# activation. All their other arguments are hyperparameters. With `mask_zero`, the recurrent layer
# skips the padding.
MAX_WORDS = 5000


def convolution(input_shape, n_outputs, output_activation, units=16):
    """Look for words that stand side by side."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Embedding(MAX_WORDS, units),
            keras.layers.Conv1D(32, 3, activation="relu", padding="same"),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(n_outputs, activation=output_activation),
        ]
    )


def recurrent(input_shape, n_outputs, output_activation, units=16):
    """Read word after word."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Embedding(MAX_WORDS, units, mask_zero=True),
            keras.layers.LSTM(32),
            keras.layers.Dense(n_outputs, activation=output_activation),
        ]
    )


def compared(X_train, y_train, X_test, y_test, length, epochs):
    """Return the test accuracy of the three by name."""
    settings = {"epochs": epochs, "learning_rate": 0.005, "batch_size": 64, "random_state": 0}
    networks = {"bag of words": TextBoWClassifier(max_words=MAX_WORDS, **settings)}
    for name, function in {"convolution": convolution, "LSTM": recurrent}.items():
        ids = TokenSequencer(MAX_WORDS, length=length)
        networks[name] = make_pipeline(ids, KerasClassifier(function, **settings))
    return {name: net.fit(X_train, y_train).score(X_test, y_test) for name, net in networks.items()}


# %%
# These are the ids of the first request:
print(TokenSequencer(MAX_WORDS).fit(X_train).transform(X_train[:1]))

# %%
# The bag of words can only guess which of the two cities is the destination, while the other two
# networks are almost always right.
scores = {"where order decides": compared(X_train, y_train, X_test, y_test, None, epochs=8)}
print(scores["where order decides"])


# %%
# The second data set consists of real texts: the docstrings of four subpackages of scikit-learn,
# which every reader has. The files are parsed, not imported. The first 60 words of each text are
# used.
def docstrings(topics):
    """Return the docstrings of functions and classes, and the subpackage of each."""
    found = {}
    for topic in topics:
        for path in sorted((Path(sklearn.__file__).parent / topic).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                documented = isinstance(node, ast.ClassDef | ast.FunctionDef)
                text = ast.get_docstring(node) if documented else None
                if text and "tests" not in path.parts:
                    found.setdefault(" ".join(text.split()[:60]), topic)
    return list(found), list(found.values())


texts, topics = docstrings(["linear_model", "metrics", "datasets", "feature_extraction"])
parts = train_test_split(texts, topics, stratify=topics, random_state=0)
X_train, X_test, y_train, y_test = parts
print(pd.Series(topics).value_counts())
scores["topics"] = compared(X_train, y_train, X_test, y_test, 60, epochs=12)
print(scores["topics"])

# %%
# A topic is recognized by the words of a text, and a few hundred texts are a small training set. So
# start with a bag of words, and use sequences if the order carries the meaning.
table = pd.DataFrame(scores)
ax = table.T.plot.barh(figsize=(8, 3.5), width=0.7)
ax.set(xlabel="test accuracy", xlim=(0, 1))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
ax.figure.set_layout_engine("constrained")
plt.show()
