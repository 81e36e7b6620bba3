"""
Predict many values at once: the lower half of a digit
======================================================

A regressor for several targets is fitted to the upper half of images, and predicts all pixels of
the lower half. One network predicts the 32 values together; that the predictions go well with each
other is seen at once.
"""

# %%
# The data are 8 x 8 images of handwritten digits. Each row is divided into its first 32 pixels, the
# inputs, and its last 32 pixels, the targets.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsRegressor

from skdl import DenseRegressor

digits = load_digits().data / 16
train, test = train_test_split(digits, test_size=300, random_state=0)
X_train, y_train = train[:, :32], train[:, 32:]
X_test, y_test = test[:, :32], test[:, 32:]

# %%
# y has 32 columns, and so the network gets 32 outputs.
models = {
    "linear": RidgeCV(),
    "neighbours": KNeighborsRegressor(),
    "network": DenseRegressor((128, 128), dropout=0.1, epochs=60, random_state=0),
}
predicted = {"true": y_test}
for name, model in models.items():
    predicted[name] = np.clip(model.fit(X_train, y_train).predict(X_test), 0, 1)
    error = np.sqrt(np.mean((predicted[name] - y_test) ** 2))
    print(f"{name:10} root mean squared error {error:.3f}")

# %%
# Completed images
# ----------------
# The upper half is the same in each row; below the line are the pixels that were predicted.
figure, axes = plt.subplots(len(predicted), 10, figsize=(8, 3.6), layout="constrained")
for row, (name, lower) in zip(axes, predicted.items(), strict=True):
    for i, ax in enumerate(row):
        ax.imshow(np.r_[X_test[i], lower[i]].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.axhline(3.5, color="tab:orange", linewidth=1)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
