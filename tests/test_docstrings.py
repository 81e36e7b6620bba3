"""Every public docstring is complete, and its examples run."""

import doctest

import pytest
from numpydoc.validate import validate

import skdl
from skdl import datasets

PUBLIC = [name for name in skdl.__all__ if callable(getattr(skdl, name))]
# No examples where they would download; one-line summaries and methods need no extended
# text, and numpydoc's order of sections puts Attributes last where OpenML wants it early.
LEFT_OUT = {"EX01", "SA01", "SA04", "ES01", "GL01", "GL07", "RT02", "YD01", "PR01", "PR02"}


@pytest.mark.parametrize("name", PUBLIC)
def test_examples_run(name):
    finder = doctest.DocTestFinder(recurse=False)
    found = finder.find(getattr(skdl, name), name, module=False, globs={})
    assert found[0].examples, f"{name} has no example"
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=options, verbose=False)
    for test in found:
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("name", [*PUBLIC, "fetch_imdb", "fetch_reuters"])
def test_docstrings_are_valid(name):
    place = "skdl.datasets" if hasattr(datasets, name) else "skdl"
    errors = validate(f"{place}.{name}")["errors"]
    assert not [error for error in errors if error[0] not in LEFT_OUT]


@pytest.mark.parametrize("name", PUBLIC)
def test_class_docstrings_are_ascii(name):
    assert getattr(skdl, name).__doc__.isascii()
