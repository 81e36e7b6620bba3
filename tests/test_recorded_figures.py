"""Figures that a page repeats are those that the benchmarks have printed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def table_rows(page):
    """Return the cells of all table rows of a page by their first cell."""
    rows = re.findall(r"^\| (.*) \|$", page.read_text(), re.MULTILINE)
    cells = [[cell.strip() for cell in re.split(r" ?\| ?", row)] for row in rows]
    return {first: others for first, *others in cells}


def printed(name, start):
    """Return the numbers of the first line that begins so in what a benchmark has printed."""
    text = (DOCS / "benchmarks" / f"{name}.txt").read_text()
    lines = (" ".join(line.split()) for line in text.splitlines())
    return next(line for line in lines if line.startswith(start)).removeprefix(start).split()


def test_scores_of_the_defaults():
    rows = list(table_rows(DOCS / "guide" / "defaults.md").items())
    first = [name for name, _ in rows].index("training rows")  # of the next table
    assert len(rows[1:first]) == 8
    for data, figures in rows[1:first]:
        shown = [figure for figure in figures if figure]
        assert shown == printed("defaults", data)[: len(shown)]


def test_gains_of_early_stopping():
    rows = list(table_rows(DOCS / "guide" / "defaults.md").items())[-3:]
    for name, (n_tables, *figures) in rows:
        number, *means = printed("stopping", f"mean {name} rows")
        assert n_tables == number
        assert [each.split()[0] for each in figures] == [f"{float(mean):.2f}" for mean in means]


@pytest.mark.parametrize(
    ("row", "peer", "benchmark", "line", "place"),
    [
        ("grid search", "scikeras", "search", "scikeras", 1),
        ("grid search", "MLP", "search", "mlp", 1),
        ("2,000 rows", "Keras", "training", "dropout Keras", 1),
        ("2,000 rows", "skorch", "training", "dropout skorch", 1),
        ("2,000 rows", "MLP", "training", "dropout MLP", 1),
        ("60,000 rows", "Keras", "training", "wide Keras", 1),
        ("60,000 rows", "skorch", "training", "wide skorch", 1),
        ("60,000 rows", "MLP", "training", "wide MLP", 1),
        ("25,000 texts", "Keras", "sparse", "Keras, dense", -1),
        ("25,000 texts", "MLP", "sparse", "MLP, CSR", -1),
        ("convolutions", "Keras", "convnet", "Keras, floats", 1),
        ("convolutions", "skorch", "convnet", "skorch", 1),
        ("one row", "Keras", "prediction", "1 rows:", -1),
    ],
)
def test_ratios_in_the_readme(row, peer, benchmark, line, place):
    table = table_rows(ROOT / "README.md")
    column = [name.endswith(peer) for name in table["times as fast as"]].index(True)
    (figures,) = (figures for first, figures in table.items() if row in first)
    ratio = float(printed(benchmark, line)[place])
    assert figures[column] == f"{ratio:.2g}", f"{benchmark}.txt says {ratio}"


def test_seconds_of_searches_in_threads_and_processes():
    page = " ".join((DOCS / "guide" / "parallel.md").read_text().split())
    threads, processes, one = (
        printed("parallel", line)[:2] for line in ("two threads ", "two jobs ", "one job ")
    )
    first, second = (
        [f"{float(seconds):.1f}" for seconds in each]
        for each in zip(threads, processes, one, strict=True)
    )
    told = "counted, takes {} seconds in two threads, {} in two processes and {}"
    assert told.format(*first) in page
    assert "of the same networks, takes {}, {} and {}".format(*second) in page


def test_estimators_for_tables_and_their_peers():
    rows = table_rows(DOCS / "guide" / "tables.md")
    text = (DOCS / "benchmarks" / "tables.txt").read_text().split("\nconfirming, 12 tables\n")[1]
    peers = {
        "`HistGradientBoosting` of scikit-learn": "HistGradientBoosting",
        "CatBoost": "CatBoost",
        "RealMLP-TD-S of pytabkit": "RealMLP-TD-S",
        "`DenseClassifier`, `DenseRegressor` in the pipeline below": "skdl Dense in a pipeline",
        "scikit-learn's MLP in the same pipeline": "MLP in a pipeline",
    }
    for row, peer in peers.items():
        line = next(each for each in text.splitlines() if each.startswith(f"{peer}: "))
        found = re.findall(r"(\d\.\d+) \(x/ (\d\.\d+),", line)
        told = [f"{float(ratio):.2f} ({float(error):.2f})" for ratio, error in found]
        assert rows[row] == [*told[:3], told[3].split()[0]]
