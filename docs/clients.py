"""Writes the page "Where it was tried": each client of scikit-learn, run with networks.

Run it where the packages are installed:

    python docs/clients.py [package ...]

The recipes are those of `client_recipes.py`, and the sections of the page on other tools, which
their test runs. What fails is run again with an estimator of scikit-learn, so that the page says
whether it is the network that fails. Packages that are missing keep the row that the page has.
"""

import importlib.metadata
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")

from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdl import DenseClassifier, DenseRegressor

DOCS = Path(__file__).parent
PAGE, TOOLS = DOCS / "guide" / "clients.md", DOCS / "guide" / "tools.md"
TITLE = """# Where it was tried

These packages around scikit-learn were run with `DenseClassifier` or `DenseRegressor` by
`docs/clients.py`. The recipe of each is a few lines of `docs/client_recipes.py`, or a section of
the page on [other tools](tools.md). The other versions were
{}.

| package | version | what was run | result |
|---|---|---|---|
"""
HOSTS = ("scikit-learn", "keras", "tensorflow", "numpy", "pandas")
# Packages on the page on other tools that are there for others, and names of modules.
BESIDE, INSTALLED_AS = {"sklearn-callback", "skops", "httpx"}, {"imblearn": "imbalanced-learn"}
ROW = re.compile(r"^\| (\S+) \| (\S+) \| (.+?) \| (.+) \|$", re.MULTILINE)


def classifier():
    return DenseClassifier(8, epochs=5, random_state=0)


def regressor():
    return DenseRegressor(8, epochs=5, random_state=0)


def outcome(function):
    """Return "works", or why a recipe does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages among themselves
        try:
            function(classifier, regressor)
        except Exception as error:
            reason = _reason(error)
            try:
                function(MLPClassifier, MLPRegressor)
            except Exception as other:
                if _reason(other) == reason:
                    return f"fails with scikit-learn's MLP as well: `{reason}`"
            return f"fails: `{reason}`"
    return "works"


def _reason(error):
    """Return the beginning of what an error says, without paths of this machine."""
    first_line = f"{type(error).__name__}: {error}".partition("\n")[0]
    return re.sub(r" \(/.*", "", first_line)[:110]


def sections():
    """Return the packages of the page on other tools, each with the titles of its sections."""
    found = {}
    for section in TOOLS.read_text().split("\n## ")[1:]:
        for names in re.findall(r"<!-- needs: ([^>]+) -->", section):
            for name in names.split(", "):
                package = INSTALLED_AS.get(name, re.sub(r"[_.]", "-", name))
                if package not in BESIDE:
                    found[package] = section.partition("\n")[0]
    return found


def outcomes_of_sections():
    """Return the result of each section of the page on other tools that ran."""
    test = [sys.executable, "-m", "pytest", "-q", "-rpf", DOCS.parent / "tests/test_tools_page.py"]
    printed = subprocess.run(test, capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^(PASSED|FAILED) .*::test_section_runs\[(.+?)\]", printed, re.MULTILINE)
    return {title: "works" if result == "PASSED" else "fails" for result, title in found}


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def known_rows():
    """Return the rows of the page as it is, by package."""
    text = PAGE.read_text() if PAGE.exists() else ""
    return {row[0]: row for row in ROW.findall(text) if row[0] != "package"}


def main():
    from client_recipes import RECIPES

    rows = known_rows()
    only = sys.argv[1:]  # packages to run again, all by default
    of_sections = {} if only else outcomes_of_sections()
    for package, title in sections().items():
        if title in of_sections:
            what = f"[{title}](tools.md#{title.lower().replace(' ', '-')})"
            rows[package] = package, version_of(package), what, of_sections[title]
    for package, (what, function) in RECIPES.items():
        version = version_of(package)
        if version is not None and (not only or package in only):
            rows[package] = package, version, what, outcome(function)
            print(*rows[package], flush=True)
    hosts = ", ".join(f"{name} {version_of(name)}" for name in HOSTS)
    table = [f"| {' | '.join(rows[name])} |\n" for name in sorted(rows, key=str.lower)]
    PAGE.write_text(TITLE.format(hosts) + "".join(table))


if __name__ == "__main__":
    main()
