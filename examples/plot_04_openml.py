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

from openml.extensions.sklearn import cat, cont
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
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
