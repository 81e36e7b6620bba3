"""
Transfer learning helps when images are few
===========================================

Ten images per class are too few to train a convolutional network from scratch. A network that was
trained on other images, however, already recognizes edges, strokes and corners. Here a small
network trained on the digits 0 to 4 helps to tell the digits 5 to 9 apart, in the three ways that
:class:`~skdl.PretrainedFeatureClassifier` offers: on its features, with data augmentation, and with
fine-tuning.
"""

# %%
# The digits are placed at random positions in images of 12 x 12 pixels. The digits 0 to 4, each at
# three positions, train the backbone; ten of each of 5 to 9 are the training set, and the others
# the test set.
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
# The backbone is a network trained on 0 to 4, up to the feature maps of its last convolution. Any
# Keras model can be used, as can a name such as ``"VGG16"``.
net = ConvNetClassifier(
    (32, 64, 64), pool_size=(None, 2, 2), padding="same", epochs=10, random_state=0
)
model = net.fit(X_known, y[known]).model_
backbone = keras.Model(model.inputs, model.get_layer("flatten").output, name="known_digits")

# %%
# Each of the three ways to train is compared with the same network whose backbone has random
# weights.
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
    for weights, name in (("imagenet", "pretrained weights"), (None, "random weights")):
        classifier = PretrainedFeatureClassifier(
            backbone, weights=weights, training=training, **settings, **more
        ).fit(X_few, y[few])
        scores[training, name] = classifier.score(X_test, y[test])
        fitted[training, name] = classifier
        print(f"{training:10} {name:20} {scores[training, name]:.3f}")

# %%
# The bars show the accuracies on the test set. Without transfer, the same layers are much less
# accurate.
names = ["random weights", "pretrained weights"]
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
for offset, name in zip((-0.2, 0.2), names, strict=True):
    heights = [scores[training, name] for training in ways]
    bars = axes.bar(np.arange(len(ways)) + offset, heights, 0.38, label=name)
    axes.bar_label(bars, fmt="%.2f")
axes.set(xticks=range(len(ways)), xticklabels=ways, ylabel="test accuracy", ylim=(0, 1))
axes.legend(loc="upper left", ncols=2)

# %%
# ``history_`` covers both phases of fine-tuning; ``phases_`` tells to which phase each epoch
# belongs.
tuned = fitted["fine_tune", "pretrained weights"]
begin = tuned.phases_.index("fine_tune")
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
axes.plot(range(1, tuned.n_iter_ + 1), tuned.history_["loss"])
axes.axvline(begin + 0.5, color="grey", linestyle="--")
axes.annotate("fine-tuning", (begin + 1, max(tuned.history_["loss"])))
axes.set(xlabel="epoch", ylabel="loss")

# %%
# Any classifier of scikit-learn can be trained on the features. With ``memory``, the features of
# each image are computed only once for all folds and searches.
extractor = PretrainedFeatureExtractor(backbone)
pipeline = make_pipeline(extractor, StandardScaler(), LogisticRegression(max_iter=500))
pipeline.fit(X_few, y[few])
print(f"logistic regression on the features: {pipeline.score(X_test, y[test]):.3f}")
