"""
One pipeline for every OpenML task
==================================

An OpenML task consists of a table, a column to predict and the folds to test on, the same for
everyone, so that results can be compared. This pipeline accepts the columns of any task, and
``check_model`` tells before the first fit whether OpenML can store it. The last block runs the
pipeline on tasks, compares the results with the best published ones, and publishes them on request.
"""

# %%
# OpenML provides a DataFrame whose columns are numeric or categorical, both with missing values.
# ``cont`` and ``cat`` select these columns in every task. The encoder treats missing values as a
# category of their own, and missing numbers are replaced by the mean, which is 0 after scaling. The
# labels stay as they are.
import os
import warnings

import matplotlib.pyplot as plt
import pandas as pd
from openml.extensions.sklearn import cat, cont
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdl import DenseClassifier
from skdl.openml import check_model, compare, run_on_task

table = make_column_transformer(
    (StandardScaler(), cont), (OneHotEncoder(handle_unknown="ignore"), cat)
)
model = make_pipeline(table, SimpleImputer(), DenseClassifier(epochs=20))
check_model(model)
model

# %%
# OpenML stores runs of models with at most 60 parameters. The pipeline has 53, and a grid search
# adds nine, which is too many.
grid = {"denseclassifier__learning_rate": [0.001, 0.01]}
try:
    check_model(GridSearchCV(model, grid, cv=3))
except ValueError as error:
    print(error)

# %%
# If no numbers are missing, as in the image tasks, the imputer can be omitted, and the search fits
# within the limit.
search = GridSearchCV(make_pipeline(table, DenseClassifier(epochs=5)), grid, cv=3)
check_model(search)

# %%
# A task fixes the folds, so that models are compared fold by fold. Here 303 patients of a hospital,
# whose heart disease is to be predicted, stand in for a task. Each grey line is one of ten folds.
heart = pd.read_csv("data/heart.csv")
disease = heart.pop("target")
texts = heart.select_dtypes(exclude="number").columns
heart[texts] = heart[texts].astype("category")
folds = StratifiedKFold(10, shuffle=True, random_state=0)
models = {
    "network": clone(model).set_params(denseclassifier__random_state=0),
    "logistic regression": make_pipeline(table, SimpleImputer(), LogisticRegression()),
    "nearest neighbours": make_pipeline(table, SimpleImputer(), KNeighborsClassifier()),
}
scores = pd.DataFrame(
    {name: cross_val_score(each, heart, disease, cv=folds) for name, each in models.items()}
)
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.plot(scores.T, "o-", color="0.75", markersize=3)
ax.plot(scores.mean(), "s", color="tab:blue", label="mean")
ax.set_ylabel("accuracy of each fold")
ax.legend()

# %%
# Running the model needs OpenML's server, so this block does something only if the environment
# variable SKDL_EXAMPLE_TASKS lists tasks, such as 3573,146825 for MNIST and Fashion-MNIST, which
# take some minutes. Each task has ten folds. All seeds are drawn from ``random_state`` and are
# stored with the run. To publish the runs, set an API key in openml's configuration (``openml
# configure apikey``) and SKDL_EXAMPLE_PUBLISH=yes. OpenML scores a published run itself, hours or
# days later.
publish = os.getenv("SKDL_EXAMPLE_PUBLISH") == "yes"
warnings.filterwarnings("ignore", "Estimator only predicted")  # a class without any rows

for task in filter(None, os.getenv("SKDL_EXAMPLE_TASKS", "").split(",")):
    run = run_on_task(model, int(task), publish=publish, tags=["skdl-example"], random_state=0)
    results = compare(run, n_runs=3)  # accuracies by fold, with the three best published runs
    print(results.round(4).to_string())
