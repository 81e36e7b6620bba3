"""
Running a network on OpenML tasks
=================================

An OpenML task is a table, a column to predict and the folds to test on, the same for
everybody, so that results can be compared. Here one pipeline is run on tasks, its results are
set beside the best published ones, and it is published if you say so.
"""

# %%
# Which tasks: a copy of a small one where it lies beside this project, because openml writes
# into its cache; of its ten repeats the first is enough here. Otherwise, over the internet,
# MNIST and Fashion-MNIST, which take some minutes. Without either, this example has nothing
# to do.
import os
import re
import shutil
import socket
import sys
import tempfile
import warnings
from pathlib import Path

import openml
from openml.extensions.sklearn import cat, cont
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdl import DenseClassifier
from skdl.openml import check_model, compare, run_on_task

cached = Path(sys.argv[0]).resolve().parents[2] / "shared" / "data" / "openml"
online = False
if cached.is_dir():
    cache = Path(tempfile.mkdtemp(), "openml")
    shutil.copytree(cached, cache)
    for path in [cache, *cache.rglob("*")]:
        path.chmod(0o755)
    splits = next(cache.rglob("datasplits.arff"))
    lines = splits.read_text().splitlines()
    splits.write_text("\n".join(x for x in lines if not re.match(r"T\w+,\d+,[1-9],", x)))
    openml.config.set_root_cache_directory(cache)
    openml.config.server = "https://test.openml.org/api/v1/xml"
    tasks = [1882]
else:
    try:
        socket.create_connection(("www.openml.org", 443), timeout=3).close()
        online, tasks = True, [3573, 146825]
    except OSError:
        print("There is neither a cached task nor a connection to www.openml.org.")
        tasks = []

# %%
# The pipeline: OpenML hands over a DataFrame whose columns are numbers or categories, both
# with missing values. `cont` and `cat` choose between them in every task; the encoder takes
# missing values as a category of their own, and missing numbers become the mean, which is 0
# once they are scaled. The labels stay as they are. OpenML stores runs of models with at most
# 60 parameters; this one has 53. `check_model` would say what cannot be stored.
table = make_column_transformer(
    (StandardScaler(), cont), (OneHotEncoder(handle_unknown="ignore"), cat)
)
model = make_pipeline(table, SimpleImputer(), DenseClassifier(epochs=5 if online else 20))
check_model(model)

# %%
# A search adds nine parameters. It fits where no number is missing, as in the image tasks, so
# that the imputer can stay out.
search = GridSearchCV(
    make_pipeline(table, DenseClassifier(epochs=5)),
    {"denseclassifier__learning_rate": [0.001, 0.01]},
    cv=3,
)
check_model(search)

# %%
# Running it: ten folds a task. All seeds are drawn from `random_state` and are part of the
# run. Publishing needs an API key in openml's configuration (``openml configure apikey``) and,
# here, the environment variable SKDL_EXAMPLE_PUBLISH=yes. A run that could not be published is
# kept on disk. OpenML scores a published run itself, hours or days later.
publish = online and bool(openml.config.apikey) and os.getenv("SKDL_EXAMPLE_PUBLISH") == "yes"
warnings.filterwarnings("ignore", "Estimator only predicted")  # a class without any rows

runs = [
    run_on_task(model, task, publish=publish, tags=["skdl-example"], random_state=0)
    for task in tasks
]
for run in runs:
    print(run)

# %%
# Accuracies by fold; online, beside the three best runs that were ever published.
for run in runs:
    results = compare(run, n_runs=3 if online else 0)
    print(results.round(4).to_string())
    print(results.mean().round(4).to_string(), end="\n\n")
