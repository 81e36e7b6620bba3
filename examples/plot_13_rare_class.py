"""
Find a rare class: class weights and thresholds
===============================================

If one row in twenty belongs to the class that matters, a network may be right nearly always and
still miss most of these rows. Two remedies move the decision boundary: weights of the classes in
training, and another threshold afterwards.
"""

# %%
# The data are artificial: two half moons, of which the lower one is rare, with noise.
import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from skdl import DenseClassifier

X, y = make_moons((2000, 100), noise=0.35, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
print(f"{y.mean():.1%} of the rows are of class 1")

# %%
# Three classifiers
# -----------------
# The weights repeat the rare class, so to speak, until both classes count the same. The threshold
# is chosen by cross-validation, for the largest mean of both recalls; the network itself is trained
# without weights, so that its probabilities remain those of the data.
net = DenseClassifier((32, 32), epochs=30, random_state=0)
models = {
    "plain": net,
    "class_weight='balanced'": DenseClassifier(
        (32, 32), epochs=30, class_weight="balanced", random_state=0
    ),
    "tuned threshold": TunedThresholdClassifierCV(net, scoring="balanced_accuracy", cv=3),
}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    y_pred = model.fit(X_train, y_train).predict(X_test)
    recall, precision = recall_score(y_test, y_pred), precision_score(y_test, y_pred)
    DecisionBoundaryDisplay.from_estimator(
        model, X, response_method="predict", cmap="coolwarm", alpha=0.35, ax=ax
    )
    for label, colour, size in ((0, "tab:blue", 4), (1, "tab:red", 14)):
        ax.scatter(*X_test[y_test == label].T, s=size, c=colour, label=f"class {label}")
    ax.set_title(f"{name}\nrecall {recall:.0%}, precision {precision:.0%}", fontsize="medium")
    print(f"{name:24} balanced accuracy {balanced_accuracy_score(y_test, y_pred):.2f}")
axes[0].legend(loc="lower left")

# %%
# Which remedy is better
# ----------------------
# Both find more of the rare rows, at the price of more false alarms. The threshold needs no new
# training of the final network when the costs change, and keeps probabilities that are calibrated.
print(f"threshold: {models['tuned threshold'].best_threshold_:.2f} instead of 0.5")
