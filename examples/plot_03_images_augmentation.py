"""
More images out of few: augmentation
====================================

A convolutional network on small images of digits, trained on the images as they are, and on
images that are turned, shifted and scaled a little, anew in every epoch. What changes nothing about
the digit must change nothing about the answer, so the second network cannot learn the pixels
by heart.
"""

# %%
# The data: 5000 of MNIST's digits of 28 x 28 pixels where they lie beside this project,
# else the digits of 8 x 8 that come with scikit-learn, of which few are taken for training. A
# row holds the pixels of an image; that they are square images the network sees by itself.
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl import ConvNetClassifier, ImageGridDisplay, LossCurveDisplay

mnist = Path(sys.argv[0]).resolve().parents[2] / "shared" / "data" / "mnist_5k.npz"
if mnist.exists():
    with np.load(mnist) as data:
        X, y = data["X"].reshape(5000, -1), data["y"]
    settings = {"filters": (32, 64, 64), "pool_size": (2, 2, None), "epochs": 30, "batch_size": 64}
    train_size = 4000
else:
    X, y = load_digits(return_X_y=True)
    settings = {"filters": (16, 32), "padding": "same", "epochs": 120}
    train_size = 400
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=train_size, stratify=y, random_state=1
)
print(f"{len(X_train)} images to train on, {len(X_test)} to test on, {X.shape[1]} pixels each")

# %%
# Two networks that differ in `augmentation` alone. Angles are fractions of a full turn, shifts
# and zoom fractions of the size. The test images are given to `fit` to look at the accuracy after
# every epoch; nothing is learned from them.
augmentation = {"rotation": 15 / 360, "translation": 0.05, "zoom": 0.1}
settings |= {"optimizer": "rmsprop", "metrics": "accuracy", "random_state": 0}

plain = ConvNetClassifier(**settings)
plain.fit(X_train, y_train, X_val=X_test, y_val=y_test)
augmented = ConvNetClassifier(**settings, augmentation=augmentation)
augmented.fit(X_train, y_train, X_val=X_test, y_val=y_test)

# %%
# What the second network saw: its layers of augmentation at work on six images, four times.
shape = augmented.image_shape_
originals = (X_train[:6] * augmented.scale_).reshape(-1, *shape)
_, axes = plt.subplots(5, 6, figsize=(6, 5.3), layout="constrained")
for row in axes:
    images = originals
    for name in augmentation if row is not axes[0] else ():
        images = augmented.model_.get_layer(name)(images, training=True)
    for ax, image in zip(row, np.asarray(images), strict=True):
        ax.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1)
        ax.set_axis_off()
axes[0, 0].set_title("as they are", loc="left", fontsize=10)
axes[1, 0].set_title("in training", loc="left", fontsize=10)

# %%
# Accuracy by epoch. On its training images the plain network is soon perfect and has nothing
# left to learn from them; the other one learns more slowly, and goes further.
_, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
LossCurveDisplay.from_estimators(
    [plain, augmented],
    labels=["images as they are", "augmented"],
    metric="accuracy",
    ax=ax,
)
ax.set_ylim(0.85, 1.005)

for name, net in (("as they are", plain), ("augmented", augmented)):
    last = np.mean(net.history_["val_accuracy"][-5:])
    print(f"{name:12} test accuracy {net.score(X_test, y_test):.3f}, last five epochs {last:.3f}")

# %%
# The mistakes that are left, the surest first.
ImageGridDisplay.from_estimator(augmented, X_test, y_test, max_images=12)
plt.show()
