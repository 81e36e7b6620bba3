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
# The digits are put anywhere into images of 12 x 12 pixels. Those of 0 to 4 are for the backbone;
# ten of each of 5 to 9 are to learn from, and the others to test on.
import os
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
images = np.zeros((len(X), 12, 12), np.float32)
for image, pixels, (top, left) in zip(
    images, X.reshape(-1, 8, 8), np.random.default_rng(0).integers(0, 5, (len(X), 2)), strict=True
):
    image[top : top + 8, left : left + 8] = pixels
known = y < 5
few = np.concatenate([np.flatnonzero(y == label)[:10] for label in range(5, 10)])
test = np.setdiff1d(np.flatnonzero(~known), few)

# %%
# The backbone: a network trained on 0 to 4, up to its last convolution. What Keras calls
# ``model`` is all that is needed; a name such as ``"VGG16"`` would do as well.
net = ConvNetClassifier(
    (16, 32, 64), pool_size=(None, 2, None), padding="same", epochs=15, random_state=0
)
model = net.fit(images[known], y[known]).model_
backbone = keras.Model(model.inputs, model.get_layer("conv_3").output, name="known_digits")

# %%
# Three ways to train on it, each beside the same network with random weights in the backbone.
settings = {
    "pooling": "max",
    "epochs": 40,
    "batch_size": 10,
    "fine_tune_from": "conv_3",
    "fine_tune_learning_rate": 1e-4,
    "random_state": 0,
}
ways = {
    "features": {},
    "augmented": {"augmentation": {"rotation": 0.03, "translation": 0.1}},
    "fine_tune": {},
}
scores, fitted = {}, {}
for training, more in ways.items():
    for weights, name in (("imagenet", "what it has learned"), (None, "random weights")):
        classifier = PretrainedFeatureClassifier(
            backbone, weights=weights, training=training, **settings, **more
        ).fit(images[few], y[few])
        scores[training, name] = classifier.score(images[test], y[test])
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
axes.set(xlabel="epoch", ylabel="loss", yscale="log")

# %%
# Any classifier of scikit-learn can stand on the features. With ``memory`` the features of an
# image are computed once, over all folds and searches.
extractor = PretrainedFeatureExtractor(backbone, pooling="max")
pipeline = make_pipeline(extractor, StandardScaler(), LogisticRegression(max_iter=500))
pipeline.fit(images[few], y[few])
print(f"logistic regression on the features: {pipeline.score(images[test], y[test]):.3f}")

# %%
# Where the environment variable ``SKDL_VGG16_WEIGHTS`` names a file of weights for VGG16, the same
# with a large network: the digits are resized to 48 x 48, and grey is repeated to colours.
weights = os.environ.get("SKDL_VGG16_WEIGHTS", "")
if Path(weights).is_file():
    vgg16 = PretrainedFeatureClassifier(
        "VGG16", weights=weights, image_shape=(48, 48), pooling="avg", epochs=40, random_state=0
    ).fit(images[few], y[few])
    print(f"VGG16: {vgg16.score(images[test][:200], y[test][:200]):.3f}")
else:
    print("SKDL_VGG16_WEIGHTS is not set: without VGG16")
