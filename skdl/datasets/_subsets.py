"""The parts of a data set that comes split for training and for testing."""

from __future__ import annotations

SUBSETS = ("train", "test", "all")


def check_subset(subset: str) -> None:
    """Refuse what is not the name of a part."""
    if subset not in SUBSETS:
        raise ValueError(f"subset must be one of {SUBSETS}, received {subset!r}.")
