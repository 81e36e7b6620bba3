"""
Learn from data that do not fit into memory
===========================================

``partial_fit`` trains on one part of the data at a time, so that only this part has to be in
memory. Here the parts arrive one after the other, and the accuracy on a test set shows what has
been learned so far.
"""

# %%
# The data are artificial: 30 parts of 500 rows, in which the classes are clouds of several points,
# which no straight line divides. In practice, a part would be read from a file.
import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier

X, y = make_classification(
    17000, n_features=20, n_informative=8, n_classes=4, n_clusters_per_class=4, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, test_size=2000, random_state=0)


def parts():
    """Yield the rows in parts of 500."""
    for start in range(0, len(X), 500):
        yield X[start : start + 500], y[start : start + 500]


# %%
# Learning as parts arrive
# ------------------------
# The scaler, too, learns part by part. The first call of ``partial_fit`` has to name all classes,
# because a part may lack some of them. Each call trains one epoch on its part.
scaler = StandardScaler()
models = {
    "network": DenseClassifier((64, 64), learning_rate=0.005, random_state=0),
    "linear model": SGDClassifier(loss="log_loss", random_state=0),
}
seen, accuracy = [], {name: [] for name in models}
for X_part, y_part in parts():
    X_part = scaler.partial_fit(X_part).transform(X_part)
    seen.append((seen[-1] if seen else 0) + len(X_part))
    for name, model in models.items():
        model.partial_fit(X_part, y_part, classes=[0, 1, 2, 3])
        accuracy[name].append(model.score(scaler.transform(X_test), y_test))

figure, ax = plt.subplots(layout="constrained")
for name, values in accuracy.items():
    ax.plot(seen, values, label=f"{name}: {values[-1]:.2f} at the end")
ax.set(xlabel="rows seen so far", ylabel="accuracy on the test set")
ax.legend()

# %%
# The linear model has learned after 2000 rows what it can learn; the network gains from every part.
print(f"{models['network'].n_iter_} epochs, one per part of 500 rows")
