"""A stand-in of OpenML's server with a few data sets and tasks."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris


@pytest.fixture(scope="session")
def tables():
    """Data as OpenML has them: numbers, categories, missing values, texts, images, labels."""
    rng = np.random.default_rng(0)
    X, y = load_iris(return_X_y=True, as_frame=True)
    X.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    labels = y.map(dict(enumerate(["setosa", "versicolor", "virginica"]))).astype("category")
    width = pd.cut(X["petal_width"], 3, labels=["narrow", "medium", "wide"]).astype(str)
    mixed = X.assign(petal_width=pd.Categorical(width.mask(rng.random(len(X)) < 0.2)))
    mixed["sepal_width"] = mixed["sepal_width"].mask(rng.random(len(X)) < 0.1)
    words = {"setosa": "small blue", "versicolor": "large blue", "virginica": "large violet"}
    texts = [f"a {words[label]} flower, no {i}" for i, label in enumerate(labels)]
    digits, digit = load_digits(return_X_y=True, as_frame=True)
    kept = digit[:500] < 3
    diabetes, progress = load_diabetes(return_X_y=True, as_frame=True)
    return {
        "mixed": (mixed, labels),
        "whole": (X.assign(petal_width=pd.Categorical(width)), labels),
        "texts": (pd.DataFrame({"text": texts}), labels),
        "digits": (digits[:500][kept], digit[:500][kept].astype(str).astype("category")),
        "values": (diabetes, (progress - progress.mean()) / progress.std()),
    }


@pytest.fixture
def configuration(monkeypatch, tmp_path):
    """openml's own configuration, to be changed at will: its cache is a folder of the test."""
    import openml  # without which the tests skip

    monkeypatch.setattr(openml.config, "_root_cache_directory", tmp_path / "cache")
    for name in ("server", "apikey", "retry_policy", "connection_n_retries", "show_progress"):
        monkeypatch.setattr(openml.config, name, getattr(openml.config, name))
    openml.config.apikey, openml.config.show_progress = "", False
    openml.config.set_retry_policy("human", 1)
    return openml.config


@pytest.fixture
def server(configuration, tables, request):
    """The stand-in, with tasks, and openml configured for it."""
    from openml_runs import TASKS
    from openml_stand_in import FakeOpenML

    found = request.config.rootpath.parent / "shared" / "data" / "openml-xsd"
    with FakeOpenML(schemas=found if found.is_dir() else None) as fake:
        configuration.server, configuration.apikey = fake.url, fake.api_key
        for name, number in TASKS.items():
            fake.add_task(number, *tables[name])
        yield fake
