"""
Find a learning rate in a hundred steps
=======================================

The learning rate decides more than any other parameter whether a network learns. A trial run, in
which the rate grows at every step, shows where the loss falls and where it diverges, in less time
than a single fit takes.
"""

# %%
# The data are 8 x 8 images of handwritten digits, one per row.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl import DenseClassifier, LossCurveDisplay, find_learning_rate

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
net = DenseClassifier((64, 64), optimizer="sgd", epochs=30, random_state=0)

# %%
# The trial run
# -------------
# A clone of the network is trained for a hundred steps, each with a larger rate than the one before
# (L. N. Smith, Cyclical learning rates for training neural networks, 2017). Below 0.01 hardly
# anything is learned, and above the lowest point the loss rises again. The suggestion is a tenth of
# the rate at the lowest point: steps are large there, but do not diverge yet.
found = find_learning_rate(net, X_train, y_train, min_rate=1e-4)
found.plot()
print(f"suggested learning rate: {found.suggestion:.2g}")

# %%
# Does it help?
# -------------
# Three networks are trained in full: with Keras's default for SGD, 0.01, with the suggestion, and
# with a rate from the right end of the plot.
figure, ax = plt.subplots(layout="constrained")
for rate, name in ((0.01, "default"), (found.suggestion, "suggestion"), (5.0, "too large")):
    net.set_params(learning_rate=rate).fit(X_train, y_train)
    accuracy = net.score(X_test, y_test)
    LossCurveDisplay.from_estimator(net, name=f"{name}: {rate:.2g}", ax=ax)
    print(f"{name:10} {rate:.2g}: accuracy {accuracy:.3f}")
ax.set_ylim(0, 2.6)  # the loss of the network that diverges begins in the thousands
