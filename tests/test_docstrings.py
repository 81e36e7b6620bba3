"""Every public docstring is complete, and its examples run."""

import doctest
import importlib
import inspect

import pytest
from numpydoc.validate import validate

MODULES = ("skdl", "skdl.datasets", "skdl.openml", "skdl.exceptions")
# As in scikit-learn, results have names, and a summary of one sentence may be all.
ALLOWED = {"ES01", "RT02"}
# Methods are shown at work in the examples of their classes, and errors where they are raised.
ALLOWED_WITHOUT_EXAMPLES = {*ALLOWED, "EX01", "SA01"}


def public_objects():
    """Yield the full name of every public class, function and member of ours, and the object."""
    for place in MODULES:
        module = importlib.import_module(place)
        for name in module.__all__:
            thing = getattr(module, name)
            if callable(thing):
                yield f"{place}.{name}", thing
            if inspect.isclass(thing):
                for member, value in inspect.getmembers(thing):
                    function = getattr(value, "fget", value)
                    ours = str(getattr(function, "__module__", "")).split(".")[0] == "skdl"
                    if ours and not member.startswith("_"):
                        yield f"{place}.{name}.{member}", function


PUBLIC = dict(public_objects())


def is_shown_at_work(full_name):
    """Tell whether examples are asked for: of classes and functions, but not of errors."""
    thing = PUBLIC[full_name]
    is_error = inspect.isclass(thing) and issubclass(thing, BaseException)
    return full_name.rpartition(".")[0] in MODULES and not is_error


@pytest.mark.parametrize("full_name", PUBLIC)
def test_docstrings_are_valid(full_name):
    allowed = ALLOWED if is_shown_at_work(full_name) else ALLOWED_WITHOUT_EXAMPLES
    assert not [error for error in validate(full_name)["errors"] if error[0] not in allowed]


@pytest.mark.parametrize("full_name", PUBLIC)
def test_examples_run(full_name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "set_callbacks" in str(PUBLIC[full_name].__doc__):
        pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=options, verbose=False)
    finder = doctest.DocTestFinder(recurse=False)
    found = finder.find(PUBLIC[full_name], full_name, module=False, globs={})
    for test in found:
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
    if is_shown_at_work(full_name):
        assert found[0].examples, f"{full_name} has no example"


@pytest.mark.parametrize("full_name", [name for name in PUBLIC if inspect.isclass(PUBLIC[name])])
def test_class_docstrings_are_ascii(full_name):
    """openml-python, which stores them, asks for it."""
    assert PUBLIC[full_name].__doc__.isascii()
