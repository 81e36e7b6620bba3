"""The Python blocks of every page run, and print what the page says they print.

A page's blocks run one after the other in an empty folder. A block `text` that follows one is
what it prints, with "..." for what may differ. A comment `<!-- not run: why -->` in front of a
block leaves it out, and so does `<!-- needs: package -->`: such blocks are run by
`test_tools_page.py`, where the packages are installed. Data sets that would be downloaded are
replaced by small ones of their form.
"""

import contextlib
import doctest
import io
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from skdl import datasets
from skdl._networks.keras import keras

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?P<skip><!-- (?:not run|needs): [^>]+ -->\n)?^```python\n(?P<code>.*?)^```\n"
    r"(?:\n*```text\n(?P<printed>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
AS_PRINTED = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page):
    """Return (line, code, what it prints or None) of the blocks that run."""
    text = page.read_text()
    return [
        (text[: found.start("code")].count("\n"), found["code"], found["printed"])
        for found in BLOCK.finditer(text)
        if not found["skip"]
    ]


def small_images(*, subset="train", return_X_y=False, **kwargs):
    """Return digits as images of 28 x 28, in the form of MNIST."""
    images, y = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8) * 15.9).astype(np.uint8).repeat(3, 1).repeat(3, 2)
    X = np.pad(images, ((0, 0), (2, 2), (2, 2))).reshape(-1, 784)
    rows = {"train": slice(100), "test": slice(100, 200), "all": slice(200)}[subset]
    names = [str(digit) for digit in range(10)]
    X, y = X[rows], y[rows]
    return (X, y) if return_X_y else Bunch(data=X, target=y, target_names=names, DESCR="")


def small_documents(n_classes):
    """Return a loader of word indices, in which the class of each document shows."""

    def load(*, subset="train", num_words=None, return_X_y=False, **kwargs):
        rng = np.random.default_rng(subset == "test")
        y = np.arange(200) % n_classes
        X = np.empty(200, dtype=object)
        for i, label in enumerate(y):
            X[i] = [1, 4 + int(label), *map(int, rng.integers(4, num_words or 20_000, 30))]
        words = {f"word{rank}": rank for rank in range(1, (num_words or 20_000) - 3)}
        names = [f"topic {i}" for i in range(n_classes)]
        bunch = Bunch(data=X, target=y, target_names=names, word_index=words, DESCR="")
        return (X, y) if return_X_y else bunch

    return load


def small_houses():
    """Return the form of `keras.datasets.boston_housing.load_data()`."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 13)) * np.arange(1, 14)
    y = X[:, 0] + 20
    return (X[:80], y[:80]), (X[80:], y[80:])


@pytest.fixture
def small_data(monkeypatch):
    for name in {"fetch_mnist", "fetch_fashion_mnist"} & set(datasets.__all__):
        monkeypatch.setattr(datasets, name, small_images)
    monkeypatch.setattr(datasets, "fetch_imdb", small_documents(2))
    monkeypatch.setattr(datasets, "fetch_reuters", small_documents(46))
    monkeypatch.setattr(keras.datasets.boston_housing, "load_data", small_houses)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=str(page.relative_to(ROOT)),
            marks=[pytest.mark.processes(workers=True)] * ("n_jobs=2" in page.read_text())
            + [pytest.mark.slow] * (page.parent.name == "guide"),
        )
        for page in PAGES
        if blocks(page)
    ],
)
def test_blocks_run(page, tmp_path, monkeypatch, small_data):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    script = types.ModuleType("__main__")  # where pickles look for what a page defines
    monkeypatch.setitem(sys.modules, "__main__", script)
    if "sklearn.callback" in page.read_text():
        pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    with sklearn.config_context():  # a page may set scikit-learn's configuration
        for line, code, printed in blocks(page):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                # Numbered as in the page, for the traceback.
                exec(compile("\n" * line + code, str(page), "exec"), vars(script))
            if printed is not None:
                same = doctest.OutputChecker().check_output(printed, out.getvalue(), AS_PRINTED)
                assert same, f"{page.name}, line {line}, printed:\n{out.getvalue()}"


def test_blocks_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- not run: a reason -->\n```python\n1 / 0\n```\n\n"
        "```python\nprint(2)\n```\n\n```text\n2\n```\n"
    )
    assert blocks(page) == [(6, "print(2)\n", "2\n")]
