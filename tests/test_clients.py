"""The recipes of the page "Where it was tried" run, each where its package is installed."""

import importlib.metadata
import importlib.util
import warnings
from pathlib import Path

import pytest

from skdl import DenseClassifier, DenseRegressor

DOCS = Path(__file__).parents[1] / "docs"


def module(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


clients, RECIPES = module("clients"), module("client_recipes").RECIPES
ROWS = clients.known_rows()


def test_the_page_lists_what_is_tried():
    assert ROWS.keys() == {*RECIPES, *clients.sections()}
    for package, (what, _) in RECIPES.items():
        assert ROWS[package][2] == what


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of packages among themselves
@pytest.mark.parametrize("package", RECIPES)
def test_recipe_runs(package):
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"needs {package}")
    if ROWS[package][3].startswith("fails with"):
        pytest.skip(f"{package} does not work with this scikit-learn: {ROWS[package][3]}")
    RECIPES[package][1](clients.classifier, clients.regressor)


def test_what_fails_is_held_against_scikit_learn():
    def broken(classifier, regressor):
        raise TypeError("unknown argument")

    def ours(classifier, regressor):
        if isinstance(classifier(), DenseClassifier):
            assert isinstance(regressor(), DenseRegressor)
            warnings.warn("not told", stacklevel=1)
            raise ValueError("one\ntwo")

    assert clients.outcome(broken) == (
        "fails with scikit-learn's MLP as well: `TypeError: unknown argument`"
    )
    assert clients.outcome(ours) == "fails: `ValueError: one`"
    assert clients.outcome(lambda classifier, regressor: None) == "works"
