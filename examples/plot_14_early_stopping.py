"""
Stop when the validation loss stops falling
===========================================

A large network on few rows overfits: its training loss falls to zero while the loss on other rows
rises. Early stopping ends the fit in time and restores the weights of the best epoch. A checkpoint
keeps a long fit from being lost if it is killed.
"""

# %%
# The data are two interleaved spirals with noise, of which 120 rows are used for training.
import tempfile

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdl import DenseClassifier, LossCurveDisplay

rng = np.random.default_rng(0)
y = rng.integers(2, size=1120)
angle = np.sqrt(rng.uniform(0.05, 1, size=1120)) * 3 * np.pi
radius = angle / (3 * np.pi)
X = np.c_[np.cos(angle + np.pi * y), np.sin(angle + np.pi * y)] * radius[:, None]
X += rng.normal(scale=0.13, size=X.shape)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=120, random_state=0)

# %%
# With and without
# ----------------
# Both networks hold out a fifth of the rows, and are equal up to the epoch at which the first one
# stops: ``patience=30`` epochs after the best one, which the dot marks.
shared = {"epochs": 300, "learning_rate": 0.005, "validation_split": 0.2, "random_state": 0}
without = DenseClassifier((128, 128), **shared).fit(X_train, y_train)
stopped = DenseClassifier((128, 128), early_stopping=True, patience=30, **shared)
stopped.fit(X_train, y_train)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, net, name in zip(axes, (without, stopped), ("300 epochs", "early stopping"), strict=True):
    LossCurveDisplay.from_estimator(net, ax=ax)
    loss = log_loss(y_test, net.predict_proba(X_test))
    ax.set_title(f"{name}: test loss {loss:.2f}", fontsize="medium")
    ax.set_xlim(0, 300)
print(f"stopped after epoch {stopped.n_iter_}, with the weights of epoch {stopped.best_epoch_}")


# %%
# A fit that is killed
# --------------------
# With ``checkpoint``, the state is written to a file, here after every tenth epoch. A callback
# stands for the power cut in epoch 25. The same fit, started again, goes on from epoch 20 and ends
# with exactly the weights of a fit that was never interrupted.
class PowerCut(keras.callbacks.Callback):
    """Ends a fit in its 25th epoch."""

    def on_epoch_end(self, epoch, logs=None):
        """Raise an error."""
        if epoch == 24:
            raise RuntimeError("no power")


with tempfile.TemporaryDirectory() as folder:
    net = DenseClassifier(
        64,
        epochs=40,
        checkpoint=folder,
        checkpoint_every=10,
        callbacks=[PowerCut()],
        random_state=0,
    )
    try:
        net.fit(X_train, y_train)
    except RuntimeError as error:
        print(f"The fit ended: {error}.")
    net.set_params(callbacks=None).fit(X_train, y_train)
whole = DenseClassifier(64, epochs=40, random_state=0).fit(X_train, y_train)
print("epochs:", net.n_iter_)
print("equal:", np.array_equal(net.predict_proba(X_test), whole.predict_proba(X_test)))
