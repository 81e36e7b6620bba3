"""What runs on OpenML tasks have in common."""

from pathlib import Path

import pytest
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import DenseClassifier, DenseRegressor

pytest.importorskip("openml")
import openml
from openml_models import SMALL, columns, configurations, pipeline

TASKS = {"mixed": 1, "texts": 2, "digits": 3, "values": 4, "whole": 5}


def accuracies(run, measure="predictive_accuracy"):
    folds = run.fold_evaluations[measure]
    return {(r, f): value for r in folds for f, value in folds[r].items()}


# Of each kind of model one, with its task.
PUBLISHED = {
    "dense pipeline": (
        "mixed",
        lambda: pipeline(DenseClassifier(**SMALL)),
    ),
    "search": (
        "whole",
        lambda: GridSearchCV(
            make_pipeline(columns(), DenseClassifier(**SMALL)),
            {
                "denseclassifier__hidden_layer_sizes": [(3,), [4, 4]],
                "denseclassifier__epochs": [1, 2],
            },
            cv=2,
        ),
    ),
    "texts": (
        "texts",
        lambda: make_pipeline(
            ColumnTransformer([("text", "passthrough", ["text"])]),
            skdl.TextBoWClassifier(max_words=50, **SMALL),
        ),
    ),
    "vectorizer": (
        "texts",
        lambda: make_pipeline(
            ColumnTransformer([("text", skdl.OneHotTextVectorizer(ngram_range=(1, 2)), ["text"])]),
            DenseClassifier(**SMALL),
        ),
    ),
    "images": (
        "digits",
        lambda: skdl.ConvNetClassifier(
            filters=(4, 8), kernel_size=[3, 3], image_shape=(8, 8, 1), epochs=2, random_state=0
        ),
    ),
    "regressor": (
        "values",
        lambda: make_pipeline(
            StandardScaler(),
            DenseRegressor(optimizer=configurations()[1]["optimizer"], **SMALL),
        ),
    ),
}


def openml_cache():
    return Path(openml.config.get_cache_directory())
