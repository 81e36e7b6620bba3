"""
Data augmentation reduces overfitting
=====================================

A convolutional network is trained on 100 images of digits, once on the images as they are and once
on images that are shifted by up to a pixel, differently in each epoch. A shifted digit is the same
digit, so the second network sees many more examples, and is more accurate on new images.
"""

# %%
# The data are scikit-learn's digits of 8 x 8 pixels, of which only ten per class are used for
# training. A row holds the pixels of one image; the network recognizes that the images are square.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl import ConvNetClassifier, ImageGridDisplay, LossCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=100, stratify=y, random_state=0
)
print(f"{len(X_train)} images to train on, {len(X_test)} to test on, {X.shape[1]} pixels each")

# %%
# The two networks differ only in `augmentation`, whose shifts are fractions of the size: 0.12 is
# about one pixel. The test images are passed to `fit` to record the accuracy after every epoch;
# nothing is learned from them.
augmentation = {"translation": 0.12}
settings = {
    "filters": (16, 32),
    "padding": "same",
    "epochs": 100,
    "batch_size": 16,
    "metrics": "accuracy",
    "random_state": 0,
}

plain = ConvNetClassifier(**settings)
plain.fit(X_train, y_train, X_val=X_test, y_val=y_test)
augmented = ConvNetClassifier(**settings, augmentation=augmentation)
augmented.fit(X_train, y_train, X_val=X_test, y_val=y_test)

# %%
# These are examples of what the second network was trained on: its augmentation layer is applied
# four times to six images.
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
# The curves show the accuracy by epoch. The first network is soon perfect on its training images
# and cannot learn anything more from them; the second one learns more slowly, but gets further.
_, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
# sphinx_gallery_thumbnail_number = 2
LossCurveDisplay.from_estimators(
    [plain, augmented],
    labels=["images as they are", "augmented"],
    metric="accuracy",
    ax=ax,
)
ax.set_ylim(0.7, 1.01)

for name, net in (("as they are", plain), ("augmented", augmented)):
    last = np.mean(net.history_["val_accuracy"][-5:])
    print(f"{name:12} test accuracy {net.score(X_test, y_test):.3f}, last five epochs {last:.3f}")

# %%
# These are the remaining errors, with the most confident ones first.
ImageGridDisplay.from_estimator(augmented, X_test, y_test, max_images=12)
plt.show()
