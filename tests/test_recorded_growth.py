"""What the page on growing costs says is so in what its benchmark has printed."""

import re
from pathlib import Path

import pytest

PRINTED = Path(__file__).parents[1] / "docs" / "benchmarks" / "growth.txt"


@pytest.mark.parametrize(
    ("axis", "largest"),
    [("rows", 1.2), ("columns", 1.2), ("units", 1.5), ("classes", 1.2), ("batch", 0.3)],
)
def test_exponents_of_processor_time(axis, largest):
    (table,) = (t for t in re.split(r"\n\n", PRINTED.read_text()) if t.startswith(f"{axis}:"))
    (exponents,) = re.findall(r"^exponent +skdl +(.*)$", table, re.MULTILINE)
    _, epoch, _, prediction, megabytes = map(float, exponents.split())
    assert epoch <= largest
    assert prediction <= 1.2
    assert megabytes <= 1
