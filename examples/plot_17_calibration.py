"""
Probabilities that can be trusted
=================================

A network that was trained for too long is too sure of itself: of its predictions with a probability
of 95 %, clearly fewer are right. :class:`~sklearn.calibration.CalibratedClassifierCV` corrects the
probabilities, and early stopping avoids the problem.
"""

# %%
# The data are artificial, with a tenth of the labels drawn at random.
import matplotlib.pyplot as plt
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from skdl import DenseClassifier

X, y = make_classification(
    4000, n_features=20, n_informative=6, n_clusters_per_class=3, flip_y=0.1, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1000, random_state=0)

# %%
# Three ways
# ----------
# The calibrated classifier is an ensemble of five networks: each is trained on four fifths of the
# rows, and a sigmoid is fitted to its outputs on the remaining fifth.
net = DenseClassifier((64, 64), epochs=60, random_state=0)
models = {
    "60 epochs": net,
    "60 epochs, calibrated": CalibratedClassifierCV(net, method="sigmoid", cv=5),
    "early stopping": DenseClassifier(
        (64, 64), epochs=60, early_stopping=True, patience=5, random_state=0
    ),
}
figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for name, model in models.items():
    p = model.fit(X_train, y_train).predict_proba(X_test)
    CalibrationDisplay.from_predictions(y_test, p[:, 1], n_bins=10, name=name, ax=ax)
    accuracy = accuracy_score(y_test, p[:, 1] > 0.5)
    print(f"{name:22} accuracy {accuracy:.3f}, log-loss {log_loss(y_test, p):.3f}")

# %%
# On the diagonal, predicted probabilities and frequencies agree. The curve of the network that was
# trained for too long is flatter: its small probabilities are too small, and its large ones too
# large. The log-loss, which punishes sure errors, shows the same in one number, while the accuracy
# hardly differs.
