"""What the OpenML server takes: texts of a description, numbers of parameters, tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openml.flows import OpenMLFlow

# The server looks for equal runs in a query that joins one table for each parameter.
MAX_PARAMETERS = 60
MAX_VALUE = 2048  # characters of a parameter's value as JSON
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_STEP = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_NAME = re.compile(r"[A-Za-z0-9_.,():=-]+")


def checked_tags(tags: Iterable[str]) -> list[str]:
    """Return tags without those that repeat an earlier one, whatever the case.

    The server checks tags only after it has stored the run.
    """
    kept: dict[str, str] = {}
    for tag in tags:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise ValueError(
                "tags must be of 1 to 64 letters, digits, '_', '-' and '.', without spaces, "
                f"received {tag!r}."
            )
        kept.setdefault(tag.lower(), tag)
    return list(kept.values())


def check_size(flow: OpenMLFlow) -> None:
    """Raise an error if a model has more parameters than the server can look for."""
    # A value that is an estimator is no setting of a run: its own parameters are.
    sizes = {part: len(part.parameters.keys() - part.components) for part in parts(flow)}
    if (total := sum(sizes.values())) > MAX_PARAMETERS:
        by_part = ", ".join(f"{_short(part)} {n}" for part, n in sizes.items() if n)
        raise ValueError(
            f"OpenML cannot store runs of a model with {total} parameters, {MAX_PARAMETERS} are "
            f"the most: {by_part}. Leave out a step, or publish the best model of a search alone."
        )


def check_description(flow: OpenMLFlow) -> None:
    """Raise an error if the server would refuse a text in the description of a model."""
    for part in parts(flow):
        for step in part.components:
            if not _STEP.fullmatch(step):
                raise ValueError(
                    f"OpenML cannot store the name {step!r} of a step of {part.class_name}: "
                    "name steps with letters, digits, '_', '-' and '.', at most 128 characters."
                )
    for part in parts(flow):
        _check_name(part.class_name, 128)
        _check_name(part.name, 1024)
        texts = [
            ("class docstring", part.description, 1024),
            ("short name", part.custom_name, 128),
            ("versions of the packages", part.external_version, 128),
        ]
        for name, value in part.parameters.items():
            _check_name(name, 1024)
            texts.append((f"parameter {name}", value, MAX_VALUE))
            documented = part.parameters_meta_info[name]
            texts.append((f"docstring of the type of {name}", documented["data_type"], 128))
            texts.append((f"docstring of {name}", documented["description"], 1024))
        for name, text, most in texts:
            if text is not None and not (text.isascii() and 1 <= len(text) <= most):
                raise ValueError(
                    f"OpenML cannot store the {name} of {part.class_name}: it must be of 1 to "
                    f"{most} ASCII characters, and has {len(text)}: {text[:60]!r}."
                )


def _check_name(name: str | None, most: int) -> None:
    if name and not (len(name) <= most and _NAME.fullmatch(name)):
        raise ValueError(
            f"OpenML cannot store the name {name[:60]!r}...: it must be of at most {most} ASCII "
            f"letters, digits and '_-.,():=', and has {len(name)} characters. Use fewer steps, "
            "or shorter names for them."
        )


def _short(flow: OpenMLFlow) -> str:
    return (flow.class_name or flow.name).rpartition(".")[2]


def parts(flow: OpenMLFlow) -> Iterator[OpenMLFlow]:
    """Yield a flow and all its components."""
    yield flow
    for component in flow.components.values():
        yield from parts(component)
