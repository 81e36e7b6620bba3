"""The pages that `docs/pages.py` generates."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def pages():
    pytest.importorskip("sphinx", reason="the documentation's packages are an extra")
    spec = importlib.util.spec_from_file_location("pages", DOCS / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_output_of_a_benchmark_becomes_a_table(pages):
    printed = (
        "2026-01-01: 2 cores\n"
        "100 rows, 5 MB\n"
        "                seconds   / skdl\n"
        "wide  skdl         1.50     1.00\n"
        "wide  Keras                 2.50\n"
        "skdl, pickle   12 bytes, written in    3 ms\n"
    )
    lines = [line for line in pages._as_tables(printed).splitlines() if line]
    assert lines == [
        "*2026-01-01: 2 cores*",
        "100 rows, 5 MB",
        "|  |  | seconds | / skdl |",
        "| --- | --- | ---: | ---: |",
        "| wide | skdl | 1.50 | 1.00 |",
        "| wide | Keras |  | 2.50 |",
        "- **skdl, pickle**: 12 bytes, written in 3 ms",
    ]


def test_every_public_name_is_listed_and_its_code_is_found(pages):
    names = pages.public_names()
    reference = pages._reference(names)
    assert all(f"<{place}.{name}>" in reference for place, name, _ in names)
    for place, name, _ in names:
        assert pages._module_of_code(place, name).startswith("skdl."), name
