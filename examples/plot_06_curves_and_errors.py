"""
Looking at a network: curves, errors, filters, scores
=====================================================

Pictures of how a convolutional network learns to read digits, when it had better stop, what it
gets wrong, what it looks for, and which sizes suit it.
"""

# %%
# The data: 8 x 8 images of handwritten digits, one row of 64 pixels each. A quarter is kept
# for the end.
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    FilterDisplay,
    ImageGridDisplay,
    LossCurveDisplay,
    SearchDisplay,
)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# How it learns
# -------------
# With early stopping, a tenth of the training images is held out. Training ends when the loss on
# them has not improved for five epochs, and the network goes back to its best epoch, which the
# dot marks.
net = ConvNetClassifier(
    filters=(16, 32),
    padding="same",
    epochs=60,
    early_stopping=True,
    patience=5,
    metrics=["accuracy"],
    random_state=0,
).fit(X_train, y_train)
LossCurveDisplay.from_estimator(net)

# %%
# The record of training holds the metrics as well.
LossCurveDisplay.from_estimator(net, metric="accuracy")

# %%
# Is a curve typical?
# -------------------
# The folds of a cross-validation show how much of a curve is chance: the line is their mean, the
# band one standard deviation. Each fold stops when it should, so the line ends where fewer than
# half of them are still being trained.
dense = DenseClassifier(epochs=60, early_stopping=True, patience=5, random_state=0)
folds = cross_validate(dense, X_train / 16, y_train, cv=5, return_estimator=True)["estimator"]
dense.set_params(hidden_layer_sizes=16)
small = cross_validate(dense, X_train / 16, y_train, cv=5, return_estimator=True)["estimator"]
LossCurveDisplay.from_estimators(
    [*folds, *small], labels=["100 units"] * 5 + ["16 units"] * 5, kind="both"
)

# %%
# What it gets wrong
# ------------------
# The test images that were mistaken, the surest mistakes first. Some of them a person would
# mistake, too.
print(f"test accuracy: {net.score(X_test, y_test):.3f}")
ImageGridDisplay.from_estimator(net, X_test, y_test, max_images=12)

# %%
# Even where it is right, it may have been in doubt.
ImageGridDisplay.from_estimator(net, X_test, y_test, only="correct", max_images=6)

# %%
# What it looks for
# -----------------
# The filters of the first convolution: white adds to a filter's output, black takes away from
# it, and grey does neither.
FilterDisplay.from_estimator(net)

# %%
# Which sizes suit it
# -------------------
# A search over two parameters is a map of scores, on the folds left out and on those trained
# on: where the second grows and the first does not, the network learns by heart. The frame is
# around the best combination.
search = GridSearchCV(
    DenseClassifier(random_state=0),
    {"epochs": [1, 5, 20], "hidden_layer_sizes": [16, 100, (64, 64)]},
    cv=3,
    return_train_score=True,
).fit(X_train / 16, y_train)
SearchDisplay.from_search(search, x="hidden_layer_sizes", y="epochs", score="both")

# %%
# In a notebook, a fitted network shows its layers when its name is the last line of a cell.
net
