"""The sections of the page on other tools run, each where its packages are installed.

Blocks without `<!-- needs: ... -->` are run by `test_guide.py` as well.
"""

import contextlib
import doctest
import io
import re
import sys
import types
from pathlib import Path

import pytest
from test_guide import AS_PRINTED, BLOCK

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "tools.md"
INTRODUCTION, *SECTIONS = PAGE.read_text().split("\n## ")
NEEDS = re.compile(r"<!-- needs: ([^>]+) -->\n")
WITH_PACKAGES = {text.partition("\n")[0]: text for text in SECTIONS if NEEDS.search(text)}


def run(text, module):
    for found in BLOCK.finditer(text):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(found["code"], str(PAGE), "exec"), vars(module))
        if found["printed"] is not None:
            same = doctest.OutputChecker().check_output(
                found["printed"], out.getvalue(), AS_PRINTED
            )
            assert same, f"{found['code']}\nprinted:\n{out.getvalue()}"


# What the tools warn of among themselves is not ours; what skdl warns of is.
@pytest.mark.filterwarnings(
    "ignore",
    "error::skdl.exceptions.UnscaledDataWarning",
    "error::skdl.exceptions.TargetsWarning",
    "error::skdl.exceptions.VersionWarning",
)
@pytest.mark.parametrize(
    "title",
    [
        pytest.param(title, marks=[pytest.mark.processes(workers=False)] * (title == "Ray"))
        for title in WITH_PACKAGES
    ],
)
def test_section_runs(title, tmp_path, monkeypatch):
    for names in NEEDS.findall(WITH_PACKAGES[title]):
        for name in names.split(", "):
            pytest.importorskip(name, reason=f"the section needs {name}", exc_type=ImportError)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    script = types.ModuleType("__main__")  # where pickles look for what the page defines
    monkeypatch.setitem(sys.modules, "__main__", script)
    run(INTRODUCTION, script)
    run(WITH_PACKAGES[title], script)


def test_every_package_of_the_page_is_in_the_extra():
    project = (PAGE.parents[2] / "pyproject.toml").read_text()
    (extra,) = re.findall(r"^tools = .+$", project, re.MULTILINE)
    installed_as = {"imblearn": "imbalanced-learn", "skops": "save", "sklearn.callback": "tools"}
    for names in NEEDS.findall(PAGE.read_text()):
        for name in names.split(", "):
            assert installed_as.get(name, name.replace("_", "-")) in extra, name
