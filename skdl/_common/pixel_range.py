"""The range of pixels: noted in fit, compared with that of the images to predict."""

from __future__ import annotations

import warnings
from typing import Any

from skdl._common.caller import users_stacklevel
from skdl._common.images import encoding_of
from skdl.exceptions import PixelRangeWarning

# Smallest and largest value, and the largest value of the encoding, None for no pixels.
PixelRange = tuple[float, float, int | None]

BYTES: PixelRange = (0.0, 255.0, 255)
# Values of resized images may lie a little outside of their encoding.
_ABOVE, _BELOW = 1.5, 0.1
# How much darker than the brightest pixel of fit an image may be before it is asked whether it
# is in another encoding; standardised values say less.
_DARKER, _BRIGHTER = 8, 10


def pixel_range(X: Any, dtype: str | None) -> PixelRange:
    """Return the range of pixels, given in a dtype, which may have been another than X has."""
    if dtype == "uint8":
        return 0.0, float(X.max()), 255
    low, high = float(X.min()), float(X.max())
    return low, high, encoding_of(low, high, dtype)


def joined(one: PixelRange, other: PixelRange) -> PixelRange:
    """Return the range of the pixels of both."""
    (low, high, maximum), (lower, higher, other_maximum) = one, other
    both = None if maximum is None or other_maximum is None else max(maximum, other_maximum)
    return min(low, lower), max(high, higher), both


def warn_of_another_range(X: Any, dtype: str | None, fitted: PixelRange) -> None:
    """Warn if pixels lie in another range than those of fit, so that the scale of fit is wrong."""
    darkest, brightest, maximum = fitted
    if dtype == "uint8" and maximum == 255:
        return
    low, high = float(X.min()), float(X.max())
    by_dtype = encoding_of(low, high, dtype)
    if maximum is None:
        reach = max(-darkest, brightest)
        other = low >= 0 and high > _BRIGHTER * reach and by_dtype is not None
    elif low < -_BELOW * maximum or high > _ABOVE * maximum:
        other = True
    else:
        # What the dtype says is believed; else values so small are in a smaller encoding.
        dark = 0 < max(high, -low) < brightest / _DARKER and by_dtype != maximum
        other = dark and (encoding_of(low, high, str(X.dtype)) or 1) < maximum
    if not other:
        return
    remedy = "Give pixels of that range"
    if maximum is not None and by_dtype is not None and by_dtype != maximum:
        larger, smaller = max(by_dtype, maximum), min(by_dtype, maximum)
        remedy += f", such as X {'*' if maximum == larger else '/'} {larger / smaller:g}"
    warnings.warn(
        f"X holds pixels from {low:g} to {high:g}, but in fit they were from {darkest:g} to "
        f"{brightest:g}, and the scale of fit is kept. {remedy}; where these are the images, only "
        "much darker or brighter ones, all is well.",
        PixelRangeWarning,
        stacklevel=users_stacklevel(),
    )
