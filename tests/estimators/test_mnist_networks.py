"""Networks for MNIST, trained on 4000 and tested on 1000 of its digits.

Real training of real networks takes minutes, so most of this runs before a release alone.
"""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split

from skdl import ConvNetClassifier, DenseClassifier

A11 = {"filters": (32, 64, 64), "pool_size": (2, 2, None)}
TRAINING = {"optimizer": "rmsprop", "batch_size": 64}


@pytest.fixture(scope="module")
def split(shared):
    """Bytes and labels to train on and to test on."""
    with np.load(shared / "data" / "mnist_5k.npz") as data:
        X, y = data["X"].reshape(5000, -1), data["y"]
    return train_test_split(X, y, test_size=1000, stratify=y, random_state=1)


def by_hand(X_train, X_test, y_train, y_test, epochs):
    """The accuracy of the same network in Keras alone, as its user would write it."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images = [X.reshape(-1, 28, 28, 1).astype(np.float32) / 255 for X in (X_train, X_test)]
    model.fit(images[0], y_train, batch_size=64, epochs=epochs, verbose=0)
    return model.count_params(), model.evaluate(images[1], y_test, verbose=0)[1]


@pytest.mark.slow
def test_level_with_the_network_written_in_keras(split):
    """Slow: twice ten epochs of convolutions, some 30 s."""
    X_train, X_test, y_train, y_test = split
    net = ConvNetClassifier(**A11, **TRAINING, epochs=10, random_state=0).fit(X_train, y_train)
    n_weights, expected = by_hand(*split, epochs=10)
    found = net.score(X_test, y_test)
    print(f"skdl {found:.3f}, Keras {expected:.3f}")
    assert net.model_.count_params() == n_weights == 93_322
    assert found > 0.95
    # Two trainings differ by chance; 0.95 to 0.975 were seen of both, so 0.015 apart is level.
    assert abs(found - expected) < 0.015


@pytest.mark.slow
def test_augmented_convolutions_are_above_dense_layers(split):
    """Slow: thirty epochs of convolutions on augmented images, about a minute."""
    X_train, X_test, y_train, y_test = split
    augmentation = {"rotation": 15 / 360, "translation": 0.05, "zoom": 0.1}
    settings = {**TRAINING, "epochs": 30, "random_state": 0}
    net = ConvNetClassifier(**A11, **settings, augmentation=augmentation).fit(X_train, y_train)
    dense = DenseClassifier(512, **settings).fit(X_train / np.float32(255), y_train)
    found, expected = net.score(X_test, y_test), dense.score(X_test / np.float32(255), y_test)
    print(f"convolutions {found:.3f}, dense {expected:.3f}")
    assert found > 0.98
    assert found > expected + 0.01


@pytest.mark.slow
def test_small_digits_over_folds():
    """Slow: five fits, some 15 s. Small images want padding, or little is left of them."""
    X, y = load_digits(return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    net = ConvNetClassifier(padding="same", epochs=30, dropout=0.5, random_state=0)
    scores = cross_val_score(net, X, y, cv=folds)
    print(f"digits {scores.mean():.4f}")
    assert scores.mean() > 0.98
