"""`SearchProgress`: candidate and fold in the progress of networks, for all kinds of searches."""

import pickle
import re
import sys
from io import StringIO

import joblib
import pytest
from notebooks import outputs_of
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import DenseClassifier, SearchProgress, TabularClassifier

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")

X, Y = load_iris(return_X_y=True)
NET = DenseClassifier((4,), epochs=1, batch_size=75, random_state=0)
GRID = {"l2": [0, 0.1, 0.2]}
LINE = re.compile(
    r"DenseClassifier, (.+) · l2=([\d.]+)(?:, .+)?: \d+ rows, \d epochs?, program .+\n"
)


def said(printed):
    """Return place and l2 of each printed line; there must be no other lines."""
    found = [LINE.fullmatch(line) for line in printed.splitlines(keepends=True)]
    assert all(found), printed
    return [(line[1], line[2]) for line in found]


def expected(n_splits=2, values=("0", "0.1", "0.2")):
    return [
        (f"candidate {i} of {len(values)}, fold {j} of {n_splits}", value)
        for i, value in enumerate(values, 1)
        for j in range(1, n_splits + 1)
    ]


@pytest.mark.parametrize("verbose", [0, 1])
def test_candidates_are_those_of_the_results(capsys, verbose):
    net = DenseClassifier((4,), epochs=1, batch_size=75, random_state=0, verbose=verbose)
    search = GridSearchCV(net, GRID, cv=3).set_callbacks(SearchProgress()).fit(X, Y)
    *fits, refit = said(capsys.readouterr().out)
    assert fits == expected(3, [str(params["l2"]) for params in search.cv_results_["params"]])
    assert refit == ("refit", str(search.best_params_["l2"]))


def test_a_random_search_over_a_pipeline(capsys):
    pipeline = make_pipeline(StandardScaler(), NET)
    drawn = {"denseclassifier__l2": [0.1, 0.2], "standardscaler__with_std": [True]}
    search = RandomizedSearchCV(pipeline, drawn, n_iter=2, cv=2, random_state=0, refit=False)
    search.set_callbacks(SearchProgress()).fit(X, Y)
    values = [str(each["denseclassifier__l2"]) for each in search.cv_results_["params"]]
    assert said(capsys.readouterr().out) == expected(2, values)


def test_members_of_an_ensemble(capsys):
    net = TabularClassifier(hidden_layer_sizes=(4,), n_members=2, epochs=1, random_state=0)
    members = ["member 1 of 2", "member 2 of 2"]
    net.set_params(verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"TabularClassifier, {m}" for m in members]
    search = GridSearchCV(net.set_params(verbose=0), {"dropout": [0.1]}, cv=2)
    search.set_callbacks(SearchProgress()).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    places = [*(place for place, _ in expected(2, ["0.1"])), "refit"]
    assert [line.split(", hidden")[0] for line in lines] == [
        f"TabularClassifier, {place}, {member} · dropout=0.1"
        for place in places
        for member in members
    ]


def test_rounds_of_halving(capsys):
    search = HalvingGridSearchCV(
        NET, {"l2": [0, 0.1]}, cv=2, resource="epochs", max_resources=2, factor=2
    )
    search.set_callbacks(SearchProgress()).fit(X, Y)
    *fits, refit = said(capsys.readouterr().out)
    best = str(search.best_params_["l2"])
    rounds = [("iteration 1 of 2", ["0", "0.1"]), ("iteration 2 of 2", [best])]
    assert fits == [(f"{name}, {p}", v) for name, l2 in rounds for p, v in expected(2, l2)]
    assert refit == ("refit", best)


def test_a_search_within_another_and_within_cross_validation(capsys):
    callback = SearchProgress()
    inner = GridSearchCV(NET, {"l2": [0, 0.1]}, cv=2, refit=False).set_callbacks(callback)
    inside = expected(2, ["0", "0.1"])
    cross_val_score(inner.set_params(refit=True), X, Y, cv=2)
    found = said(capsys.readouterr().out)
    assert [found[:4], found[5:9]] == [inside, inside]
    outer = GridSearchCV(inner, {"estimator__l1": [0.0]}, cv=2, refit=False)
    outer.fit(X, Y)  # which has no callback
    found = said(capsys.readouterr().out)
    assert found[:4] == [(f"fit 1 of 2, {place}", l2) for place, l2 in inside]
    outer.set_callbacks(callback).fit(X, Y)
    found = said(capsys.readouterr().out)
    assert found[5:9] == [(f"candidate 1 of 1, fold 2 of 2, {place}", l2) for place, l2 in inside]


def test_threads(capsys):
    with joblib.parallel_backend("threading"):
        search = GridSearchCV(NET, GRID, cv=2, n_jobs=2, refit=False)
        search.set_callbacks(SearchProgress()).fit(X, Y)
    assert sorted(said(capsys.readouterr().out)) == expected()


@pytest.mark.slow
@pytest.mark.processes(workers=True)
def test_worker_processes(capfd):
    pipeline = make_pipeline(StandardScaler(), NET)
    search = GridSearchCV(pipeline, {"denseclassifier__l2": [0, 0.1]}, cv=2, n_jobs=2, refit=False)
    search.set_callbacks(SearchProgress()).fit(X, Y)
    assert sorted(said(capfd.readouterr().out)) == expected(2, ["0", "0.1"])


class Terminal(StringIO):
    def isatty(self):
        return True

    def last_pictures(self):
        """Return what each bar showed at its end."""
        return [
            re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", each.split("\x1b[2K")[-1]).strip("\r")
            for each in self.getvalue().split("\n")[:-1]
        ]


@pytest.mark.parametrize(
    ("columns", "parameters"), [(80, ""), (100, r" · l2=0\.[12], batch_size=75, …")]
)
def test_bars_of_a_terminal(monkeypatch, columns, parameters):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", Terminal())
    search = GridSearchCV(NET, {"l2": [0.1, 0.2]}, cv=2).set_callbacks(SearchProgress())
    search.fit(X, Y)
    *fits, refit = bars = sys.stdout.last_pictures()
    assert all(len(bar) <= columns for bar in bars)
    for bar, (place, _) in zip(fits, expected(2, ["0.1", "0.2"]), strict=True):
        assert re.match(rf"{place}{parameters} ━{{10,20}} 1/1 \d:\d\d:\d\d loss", bar), bar
    assert refit.startswith(f"refit · l2={search.best_params_['l2']}, batch_size=75, ")


NOTEBOOK = """
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skdl import DenseClassifier, SearchProgress, TabularClassifier
net = DenseClassifier((4,), epochs=1, random_state=0)
search = GridSearchCV(net, {"l2": [0.1, 0.2]}, cv=2, refit=False)
search.set_callbacks(SearchProgress()).fit(*load_iris(return_X_y=True)) and None
"""


@pytest.mark.slow
@pytest.mark.processes
def test_bars_of_a_notebook(monkeypatch):
    outputs = outputs_of(NOTEBOOK, monkeypatch)
    bars = [each for each in outputs if "text/html" in each.get("data", {})]
    named = [each["data"]["text/plain"].partition(", hidden")[0] for each in bars]
    assert named == [f"DenseClassifier, {p} · l2={l2}" for p, l2 in expected(2, ["0.1", "0.2"])]
    assert all('value="1.0000"' in each["data"]["text/html"] for each in bars)


def test_beside_the_bar_of_scikit_learn_it_shows_nothing(capsys):
    from sklearn.callback import ProgressBar

    search = GridSearchCV(NET, {"l2": [0]}, cv=2, refit=False)
    search.set_callbacks(SearchProgress(), ProgressBar()).fit(X, Y)
    assert "candidate 1" not in capsys.readouterr().out


def test_it_is_a_callback_of_searches_alone():
    with pytest.raises(TypeError, match=r"of searches, received DenseClassifier\. Call set_call"):
        NET.set_callbacks(SearchProgress()).fit(X, Y)
    NET.set_callbacks()


@pytest.mark.slow
def test_it_goes_into_files(capsys, tmp_path):
    search = GridSearchCV(NET, {"l2": [0]}, cv=2).set_callbacks(SearchProgress()).fit(X, Y)
    skdl.save(search, tmp_path / "search.skdl")
    for copy in pickle.loads(pickle.dumps(search)), skdl.load(tmp_path / "search.skdl"):
        assert (copy.predict(X) == search.predict(X)).all()
        capsys.readouterr()
        copy.fit(X, Y)
        assert [place for place, _ in said(capsys.readouterr().out)][-1] == "refit"
