"""Figures that a page repeats are those that the benchmark has printed."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_defaults_page_repeats_the_benchmark():
    page = (DOCS / "guide" / "defaults.md").read_text()
    printed = (DOCS / "benchmarks" / "defaults.txt").read_text()
    rows = re.findall(r"^\| (.+?) \| +(.*?) *\| *(.*?) *\| (\S+) \|$", page, re.MULTILINE)[2:]
    assert len(rows) == 7 + 1
    for name, *figures in rows:
        line = next(line for line in printed.splitlines() if line.startswith(name))
        assert line[len(name) :].split()[:3] == [figure for figure in figures if figure] or (
            name == "mean" and line.split() == [name, figures[-1]]
        )
