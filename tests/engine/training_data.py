"""Data for tests of training, one for each kind of target."""

import numpy as np


def make_data(kind, n_rows):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n_rows, 6)).astype(np.float32)
    score = X @ rng.normal(size=(6, 3)).astype(np.float32)
    y = {
        "binary": (score[:, 0] > 0).astype(int),
        "multiclass": score.argmax(1),
        "multilabel": (score > 0).astype(int),
        "regression": score[:, 0],
    }[kind]
    return X, y, rng.uniform(0.2, 3, n_rows)
