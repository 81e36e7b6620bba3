"""Tables as they come: `TabularClassifier` and `TabularRegressor` beside boosted trees and others.

Folds 0 to 2 of a shuffled 5-fold split of each table, stratified by class. Per table and
estimator: the error (share of wrong labels) and the log-loss, or the root mean squared error over
the standard deviation of the test values, and the seconds of fits and predictions. The last lines
are geometric means over tables of the ratio to skdl, with the standard error over tables as a
factor: above 1 the peer is worse. Errors are shifted by 0.01 so that a table without errors
counts.

No constant of the recipe was chosen by this script. Peers of which packages are missing are left
out, and said to be.

    python benchmarks/tables.py [--data FOLDER] [--only TABLE ...] [--without PEER ...]

FOLDER has index.csv, which lists the tables, and one CSV file for each, with the target in the
last column. Without it only the tables inside scikit-learn are used.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from machine import describe
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdl import DenseClassifier, DenseRegressor, TabularClassifier, TabularRegressor

DATA = Path(__file__).parents[2] / "shared" / "data" / "tables"
N_FOLDS, N_USED, SHIFT = 5, 3, 0.01


def tables(folder):
    """Yield name, X, y and whether y holds classes."""
    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield name, *getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True), True
    yield "diabetes", *datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False), False
    if not (folder / "index.csv").exists():
        print(f"{folder}/index.csv is missing: only the tables inside scikit-learn.")
        return
    for _, row in pd.read_csv(folder / "index.csv").iterrows():
        table = pd.read_csv(folder / f"{row['name']}.csv")
        yield row["name"], table.iloc[:, :-1], table.iloc[:, -1], row["task"] == "cls"


def pipeline(estimator):
    """Return the pipeline of the guide's page on tables."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, estimator)


def as_categories(X):
    """Return X as boosted trees take it: other columns than numbers are categories."""
    others = X.select_dtypes(exclude="number").columns
    return X.assign(**{name: X[name].astype("category") for name in others})


def peers(classes):
    """Yield name, estimator and the function that prepares X."""

    def as_it_is(X):
        return X

    if classes:
        ours, dense, mlp = TabularClassifier, DenseClassifier, MLPClassifier
        boosted = HistGradientBoostingClassifier
    else:
        ours, dense, mlp = TabularRegressor, DenseRegressor, MLPRegressor
        boosted = HistGradientBoostingRegressor
    yield "skdl Tabular", ours(random_state=0), as_it_is
    yield "HistGradientBoosting", boosted(random_state=0), as_categories
    yield "skdl Dense in a pipeline", pipeline(dense(random_state=0)), as_it_is
    yield "MLP in a pipeline", pipeline(mlp(random_state=0)), as_it_is
    try:
        from catboost import CatBoostClassifier, CatBoostRegressor
    except ImportError:
        return
    catboost = CatBoostClassifier if classes else CatBoostRegressor

    def as_texts(X):
        others = X.select_dtypes(exclude="number").columns
        return X.assign(**{name: X[name].fillna("missing").astype(str) for name in others})

    yield "CatBoost", _CatBoost(catboost), as_texts


class _CatBoost:
    """CatBoost with its defaults, told which columns are categories."""

    def __init__(self, cls):
        self.cls = cls
        self._estimator_type = "classifier" if "Classifier" in cls.__name__ else "regressor"

    def fit(self, X, y):
        categories = list(X.select_dtypes(exclude="number").columns)
        self.model = self.cls(
            cat_features=categories, random_seed=0, verbose=0, allow_writing_files=False
        )
        self.model.fit(X, y)
        self.classes_ = getattr(self.model, "classes_", None)
        return self

    def predict_proba(self, X):
        return self.model.predict_proba(X)

    def predict(self, X):
        return np.ravel(self.model.predict(X))


def measured(estimator, prepare, X, y, classes):
    """Return the measures of an estimator on the folds, and the seconds per fold."""
    splitter = (StratifiedKFold if classes else KFold)(N_FOLDS, shuffle=True, random_state=0)
    X, found, started = prepare(X), [], time.perf_counter()
    for train, test in list(splitter.split(X, y))[:N_USED]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator.fit(X.iloc[train], y.iloc[train])
        if classes:
            probabilities = estimator.predict_proba(X.iloc[test])
            labels = np.asarray(estimator.classes_)[probabilities.argmax(axis=1)]
            loss = log_loss(y.iloc[test], probabilities, labels=list(estimator.classes_))
            found.append({"error": np.mean(labels != y.iloc[test].to_numpy()), "log-loss": loss})
        else:
            residuals = estimator.predict(X.iloc[test]) - y.iloc[test].to_numpy()
            rmse = np.sqrt(np.mean(residuals**2)) / y.iloc[test].std(ddof=0)
            found.append({"RMSE/std": rmse})
    seconds = (time.perf_counter() - started) / N_USED
    return pd.DataFrame(found).mean().to_dict() | {"seconds": seconds}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--without", nargs="*", default=[])
    arguments = parser.parse_args()
    print(describe("catboost"), end="\n\n")
    line = "{:<14} {:<26} {:>7} {:>9} {:>9} {:>8}"
    print(line.format("table", "estimator", "error", "log-loss", "RMSE/std", "seconds"))
    rows = []
    for name, X, y, classes in tables(arguments.data):
        if arguments.only and name not in arguments.only:
            continue
        for peer, estimator, prepare in peers(classes):
            if peer in arguments.without:
                continue
            found = measured(estimator, prepare, X, y, classes)
            rows.append({"table": name, "estimator": peer, **found})
            shown = [f"{found[m]:.4f}" if m in found else "" for m in ("error", "log-loss")]
            shown += [f"{found['RMSE/std']:.4f}" if "RMSE/std" in found else ""]
            print(line.format(name, peer, *shown, f"{found['seconds']:.2f}"), flush=True)
    print("\ngeometric means over tables of the ratio to skdl Tabular, and standard error")
    rows = pd.DataFrame(rows)
    for peer in rows["estimator"].unique()[1:]:
        shown = []
        for measure in ("error", "log-loss", "RMSE/std", "seconds"):
            if measure not in rows:
                continue
            wide = rows.pivot_table(index="table", columns="estimator", values=measure)
            shift = SHIFT if measure == "error" else 0
            ratios = np.log((wide[peer] + shift) / (wide["skdl Tabular"] + shift)).dropna()
            if len(ratios):
                error = np.exp(ratios.std(ddof=1) / np.sqrt(len(ratios))) if len(ratios) > 1 else 1
                mean = np.exp(ratios.mean())
                shown.append(f"{measure} {mean:.3f} (x/ {error:.3f}, {len(ratios)} tables)")
        print(f"{peer}: {'; '.join(shown)}")


if __name__ == "__main__":
    main()
