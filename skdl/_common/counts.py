"""Numbers of things in words: 1 epoch, 2 epochs."""

from __future__ import annotations


def counted(number: int, thing: str, things: str | None = None, spec: str = "") -> str:
    """Return a number with the name of what is counted, in the singular or plural.

    `things` is the plural where that is not the singular with an s.
    """
    return f"{number:{spec}} {thing if number == 1 else things or f'{thing}s'}"
