"""
A network that has seen other images
====================================

Ten images a class are too few to train a convolutional network on. But a network that was
trained on other images already sees edges, strokes and corners. Here a small network that knows
the digits 0 to 4 helps to tell 5 to 9 apart, in the three ways of
:class:`~skdl.PretrainedFeatureClassifier`: on its features, with augmented images, and
fine-tuned.
"""

# %%
# The digits are put anywhere into images of 12 x 12 pixels. Those of 0 to 4, each in three places,
# are for the backbone; ten of each of 5 to 9 are to learn from, and the others to test on.
import os
import sys
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import ConvNetClassifier, PretrainedFeatureClassifier, PretrainedFeatureExtractor

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)


def anywhere(rows):
    """Return images of 12 x 12 pixels with a digit of 8 x 8 pixels somewhere."""
    images = np.zeros((len(rows), 12, 12), np.float32)
    for image, pixels in zip(images, rows.reshape(-1, 8, 8), strict=True):
        top, left = rng.integers(0, 5, 2)
        image[top : top + 8, left : left + 8] = pixels
    return images


known = np.tile(np.flatnonzero(y < 5), 3)
few = np.concatenate([np.flatnonzero(y == label)[:10] for label in range(5, 10)])
test = np.setdiff1d(np.flatnonzero(y >= 5), few)
X_known, X_few, X_test = anywhere(X[known]), anywhere(X[few]), anywhere(X[test])

# %%
# The backbone: a network trained on 0 to 4, up to the maps of its last convolution. Any Keras
# model will do, and so will a name such as ``"VGG16"``.
net = ConvNetClassifier(
    (32, 64, 64), pool_size=(None, 2, 2), padding="same", epochs=10, random_state=0
)
model = net.fit(X_known, y[known]).model_
backbone = keras.Model(model.inputs, model.get_layer("flatten").output, name="known_digits")

# %%
# Three ways to train on it, each beside the same network with random weights in the backbone.
settings = {
    "epochs": 40,
    "batch_size": 10,
    "fine_tune_from": "conv_3",
    "random_state": 0,
}
ways = {
    "features": {},
    "augmented": {"augmentation": {"rotation": 0.03}},
    "fine_tune": {},
}
scores, fitted = {}, {}
for training, more in ways.items():
    for weights, name in (("imagenet", "what it has learned"), (None, "random weights")):
        classifier = PretrainedFeatureClassifier(
            backbone, weights=weights, training=training, **settings, **more
        ).fit(X_few, y[few])
        scores[training, name] = classifier.score(X_test, y[test])
        fitted[training, name] = classifier
        print(f"{training:10} {name:20} {scores[training, name]:.3f}")

# %%
# Accuracies on the digits that were not learned from. Where nothing was transferred, the same
# layers are worth much less.
names = ["random weights", "what it has learned"]
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
for offset, name in zip((-0.2, 0.2), names, strict=True):
    heights = [scores[training, name] for training in ways]
    bars = axes.bar(np.arange(len(ways)) + offset, heights, 0.38, label=name)
    axes.bar_label(bars, fmt="%.2f")
axes.set(xticks=range(len(ways)), xticklabels=ways, ylabel="test accuracy", ylim=(0, 1))
axes.legend(loc="upper left", ncols=2)

# %%
# ``history_`` goes on over both phases of fine-tuning; ``phases_`` tells which epoch belongs to
# which.
tuned = fitted["fine_tune", "what it has learned"]
begin = tuned.phases_.index("fine_tune")
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
axes.plot(range(1, tuned.n_iter_ + 1), tuned.history_["loss"])
axes.axvline(begin + 0.5, color="grey", linestyle="--")
axes.annotate("fine-tuning", (begin + 1, max(tuned.history_["loss"])))
axes.set(xlabel="epoch", ylabel="loss")

# %%
# Any classifier of scikit-learn can stand on the features. With ``memory`` the features of an
# image are computed once, over all folds and searches.
extractor = PretrainedFeatureExtractor(backbone)
pipeline = make_pipeline(extractor, StandardScaler(), LogisticRegression(max_iter=500))
pipeline.fit(X_few, y[few])
print(f"logistic regression on the features: {pipeline.score(X_test, y[test]):.3f}")

# %%
# The same with a large network, where the environment variable ``SKDL_VGG16_WEIGHTS`` names a
# file of weights for VGG16 and MNIST's digits lie beside this project: they are resized to
# 48 x 48 pixels, and grey is repeated to colours.
weights = os.environ.get("SKDL_VGG16_WEIGHTS", "")
mnist = Path(sys.argv[0]).resolve().parents[2] / "shared" / "data" / "mnist_5k.npz"
if Path(weights).is_file() and mnist.exists():
    with np.load(mnist) as data:
        chosen = rng.permutation(len(data["X"]))[:400]
        X, y = data["X"].reshape(-1, 28, 28)[chosen], data["y"][chosen]
    vgg16 = PretrainedFeatureClassifier(
        "VGG16", weights=weights, image_shape=(48, 48), pooling="avg", epochs=40, random_state=0
    ).fit(X[:200], y[:200])
    print(f"VGG16 on 200 images of MNIST: {vgg16.score(X[200:], y[200:]):.3f}")
else:
    print("without VGG16: its weights or MNIST's digits are missing")
