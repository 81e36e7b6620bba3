"""What is written above images: the labels of each one, and the title of all."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from skdl._common.counts import counted

if TYPE_CHECKING:
    from skdl._displays.image_grid import ImageGridDisplay

_WHAT = {"errors": "wrong", "correct": "right"}  # is the prediction of the images shown
_WRAPPED = 22  # letters in a line of a caption


def captions_of(display: ImageGridDisplay) -> list[tuple[str, bool]]:
    """Return the caption of each image, and whether it was mistaken."""
    unknown = np.full(len(display.images), np.nan)
    columns: list[Any] = [display.y_true, display.y_pred]
    columns += [unknown if p is None else p for p in (display.true_proba, display.pred_proba)]
    captions = []
    for true, pred, of_true, of_pred in zip(*columns, strict=True):
        wrong = true != pred
        lines = [f"{pred}{_percent(of_pred)}"]
        if wrong:
            lines = [f"pred {lines[0]}", f"true {true}{_percent(of_true)}"]
        lines = [part for line in lines for part in textwrap.wrap(line, _WRAPPED)]
        captions.append(("\n".join(lines), wrong))
    return captions


def title_of(only: str | None, order: str, n_rows: int, n_found: int, n_shown: int) -> str:
    """Return the title: how many images were found and are shown, and in which order."""
    what = None if only is None else _WHAT[only]
    images = counted(n_rows, "image")
    text = images if what is None else f"{n_found} of {n_rows} {what}"
    text = text if n_shown == n_found else f"{text}, {n_shown} shown"
    return f"{text}, most wrong first" if order == "loss" and n_shown > 1 else text


def message_of(only: str | None, n_rows: int) -> str:
    """Return what is written where there are no images to draw."""
    if not n_rows or only is None:
        return "There are no images to draw."
    what = _WHAT[only]
    if n_rows == 1:
        return f"The only image is not predicted {what}."
    return f"None of the {n_rows} images is predicted {what}."


def _percent(probability: float) -> str:
    return "" if np.isnan(probability) else f" ({probability:.0%})"
