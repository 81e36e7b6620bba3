"""Scores with default parameters: the dense estimators compared with scikit-learn's MLP.

Every data set is scored by 5-fold cross-validation with `StandardScaler` in front: accuracy and
log-loss for classes, R2 for numeric values. The ratio is the MLP's log-loss divided by skdl's:
above 1 the MLP is worse. The seconds are those of the five fits and scores. The last row has the
mean of the differences and the geometric mean of the ratios. The script prints a reStructuredText
table.

    python benchmarks/defaults.py [folder with mnist_5k.npz and boston_housing.npz]
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
from machine import describe
from sklearn import datasets
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, DenseRegressor

DATA = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared" / "data"


def load():
    """Yield name, X, y and whether y holds classes."""
    yield "iris", *datasets.load_iris(return_X_y=True), True
    yield "wine", *datasets.load_wine(return_X_y=True), True
    yield "breast cancer", *datasets.load_breast_cancer(return_X_y=True), True
    yield "digits", *datasets.load_digits(return_X_y=True), True
    if (DATA / "mnist_5k.npz").exists():
        with np.load(DATA / "mnist_5k.npz") as data:
            yield "mnist_5k", data["X"].reshape(5000, -1), data["y"], True
    yield "diabetes", *datasets.load_diabetes(return_X_y=True), False
    if (DATA / "boston_housing.npz").exists():
        with np.load(DATA / "boston_housing.npz") as data:
            yield "boston housing", data["X"], data["y"], False


def score(estimator, X, y, classes):
    """Return the means over 5 folds of the score and the log-loss, and the seconds they took."""
    folds = (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=0)
    scoring = {"score": "accuracy", "loss": "neg_log_loss"} if classes else {"score": "r2"}
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net = make_pipeline(StandardScaler(), estimator)
        found = cross_validate(net, X, y, cv=folds, scoring=scoring, error_score="raise")
    seconds = time.perf_counter() - started
    loss = -found["test_loss"].mean() if classes else None
    return found["test_score"].mean(), loss, seconds


def main():
    DenseClassifier(epochs=1).fit(*datasets.load_iris(return_X_y=True))  # load TensorFlow
    print(describe(), end="\n\n")
    names = "skdl", "MLP", "difference", "skdl loss", "MLP loss", "ratio", "skdl s", "MLP s"
    rows, differences, ratios = [("data", *names)], [], []
    for name, X, y, classes in load():
        ours = (DenseClassifier if classes else DenseRegressor)(random_state=0)
        peer = (MLPClassifier if classes else MLPRegressor)(random_state=0)
        (a, c, s), (b, d, t) = (score(clone(net), X, y, classes) for net in (ours, peer))
        differences.append(a - b)
        losses = "-", "-", "-"
        if classes:
            ratios.append(d / c)
            losses = f"{c:.3f}", f"{d:.3f}", f"{d / c:.2f}"
        rows.append(
            (name, f"{a:.3f}", f"{b:.3f}", f"{a - b:+.3f}", *losses, f"{s:.1f}", f"{t:.1f}")
        )
    mean = np.exp(np.mean(np.log(ratios)))
    rows.append(("mean", "", "", f"{np.mean(differences):+.3f}", "", "", f"{mean:.2f}", "", ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    print("\n".join([rule, lines[0], rule, *lines[1:], rule]))


if __name__ == "__main__":
    main()
