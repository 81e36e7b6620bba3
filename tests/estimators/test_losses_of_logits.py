"""Losses for a user's network that ends in logits: trained, or refused for the true reason."""

import keras
import numpy as np
import pytest

from skdl import KerasClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
TARGETS = {
    "binary": (X[:, 0] > 0).astype(int),
    "multiclass": X[:, :3].argmax(axis=1),
    "multilabel": (X[:, :3] > 0).astype(int),
}
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
COLUMNS = keras.losses.CategoricalCrossentropy(from_logits=True)
EACH = keras.losses.BinaryCrossentropy(from_logits=True)


def fitted(kind, loss):
    n_units = 1 if kind == "binary" else 3

    def linear():
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(n_units)])

    net = KerasClassifier(
        linear, loss=loss, optimizer="adam", learning_rate=0.1, epochs=20, random_state=0
    )
    return net.fit(X, TARGETS[kind])


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
@pytest.mark.parametrize("loss", [SPARSE, COLUMNS, "categorical_hinge"])
def test_losses_of_one_unit_per_class_are_refused_where_units_stand_for_themselves(kind, loss):
    with pytest.raises(ValueError, match=f"one unit per class, but with {kind} targets"):
        fitted(kind, loss)


@pytest.mark.parametrize("loss", ["kl_divergence", "poisson", "dice", keras.losses.Tversky()])
@pytest.mark.parametrize("kind", TARGETS)
def test_losses_of_probabilities_are_refused(kind, loss):
    with pytest.raises(ValueError, match="takes probabilities, but the outputs are not"):
        fitted(kind, loss)


def test_others_without_meaning_are_refused():
    with pytest.raises(ValueError, match="there is only one"):
        fitted("binary", "cosine_similarity")
    with pytest.raises(ValueError, match="aligns sequences"):
        fitted("multiclass", "ctc")


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("binary", EACH), ("binary", "hinge"), ("multiclass", SPARSE), ("multiclass", COLUMNS),
        ("multiclass", "categorical_hinge"), ("multilabel", EACH), ("multilabel", "hinge"),
    ],
)  # fmt: skip
def test_others_are_learned_by(kind, loss):
    assert fitted(kind, loss).score(X, TARGETS[kind]) > 0.8
