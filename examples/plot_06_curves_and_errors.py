"""
Five plots that explain a network
=================================

The displays of skdl show how a convolutional network learns to read digits, at which epoch to stop,
which images it misclassifies, what its filters look for, and which sizes of a network work best.
"""

# %%
# The data are 8 x 8 images of handwritten digits, with one row of 64 pixels per image. A quarter of
# them is held out as a test set.
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
# these images has not improved for five epochs, and the weights of the best epoch, which the dot
# marks, are restored.
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
# The metrics are recorded as well.
LossCurveDisplay.from_estimator(net, metric="accuracy")

# %%
# Is a curve typical?
# -------------------
# The folds of a cross-validation show how much a curve varies by chance: the line is their mean,
# and the band is one standard deviation. Early stopping ends each fold at a different epoch, so the
# line ends where fewer than half of the folds are still being trained.
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
# These test images are misclassified, with the most confident errors first. A person would
# misclassify some of them, too.
print(f"test accuracy: {net.score(X_test, y_test):.3f}")
ImageGridDisplay.from_estimator(net, X_test, y_test, max_images=12)

# %%
# Even correct predictions can be uncertain; these are the least confident ones.
ImageGridDisplay.from_estimator(net, X_test, y_test, only="correct", max_images=6)

# %%
# What it looks for
# -----------------
# These are the filters of the first convolution: white pixels increase a filter's output, black
# ones decrease it, and grey ones do neither.
FilterDisplay.from_estimator(net)

# %%
# Which sizes suit it
# -------------------
# A search over two parameters gives a heat map of scores, both on the left-out folds and on the
# training folds: where only the training score grows, the network overfits. A frame marks the best
# combination.
search = GridSearchCV(
    DenseClassifier(random_state=0),
    {"epochs": [1, 5, 20], "hidden_layer_sizes": [16, 100, (64, 64)]},
    cv=3,
    return_train_score=True,
).fit(X_train / 16, y_train)
SearchDisplay.from_search(search, x="hidden_layer_sizes", y="epochs", score="both")

# %%
# In a notebook, a fitted network shows its layers if its name is the last line of a cell.
net
