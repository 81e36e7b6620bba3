"""What the convolutions of a network are, and how large its maps become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import cast

import numpy as np

from skdl._common.images import is_size
from skdl._networks.builders.per_layer import fraction, per_layer


@dataclass(frozen=True)
class Convolution:
    """A convolution and what follows it; sizes are (height, width), cut to the maps."""

    filters: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    padding: str
    dilation_rate: tuple[int, int]
    pool_size: tuple[int, int]
    dropout: float


def convolutions(
    size: tuple[int, int],
    filters: int | Sequence[int],
    kernel_size: int | Sequence,
    strides: int | Sequence,
    padding: str | Sequence[str],
    dilation_rate: int | Sequence,
    pool_size: int | Sequence | None,
    dropout: float | Sequence[float],
) -> list[Convolution]:
    """Return the convolutions of a network on maps of a size (height, width)."""
    numbers: list = [filters] if isinstance(filters, Integral) else list(cast(Sequence, filters))
    if not all(map(is_size, numbers)):
        raise ValueError(f"filters must be positive integers, received filters={numbers!r}.")
    columns = (
        _per_layer("kernel_size", kernel_size, numbers, _pair),
        _per_layer("strides", strides, numbers, _pair),
        _per_layer("padding", padding, numbers, _padding),
        _per_layer("dilation_rate", dilation_rate, numbers, _pair),
        _per_layer("pool_size", pool_size, numbers, _pair_or_none),
        _per_layer("conv_dropout", dropout, numbers, fraction),
    )
    pools_by_default = isinstance(pool_size, Integral) and pool_size == 2
    image, sizes = size, [f"image {_by(size)}"]
    found: list[Convolution] = []
    for n_filters, kernel, steps, pad, gaps, pool, rate in zip(numbers, *columns, strict=True):
        if max(steps) > 1 and max(gaps) > 1:
            raise ValueError(
                f"strides={steps} and dilation_rate={gaps} cannot both be above 1 in one "
                f"convolution, which is number {len(found) + 1} here. Set one of them to 1."
            )
        shrinks = max(steps) > 1 or (max(pool) > 1 and not pools_by_default)
        if shrinks and max(size) == 1 < max(image):
            raise ValueError(_vanished(sizes, strides, pool_size))
        # A map of m pixels holds a kernel of k pixels if (k - 1) * gap + 1 <= m.
        kernel = tuple(
            min(k, (m - 1) // gap + 1) for k, gap, m in zip(kernel, gaps, size, strict=True)
        )
        if pad == "valid":
            size = tuple(m - (k - 1) * gap for m, k, gap in zip(size, kernel, gaps, strict=True))
        size = tuple(-(-m // step) for m, step in zip(size, steps, strict=True))
        sizes.append(f"convolution {len(found) + 1} {_by(size)}")
        pool = tuple(min(p, m) for p, m in zip(pool, size, strict=True))
        size = tuple(m // p for m, p in zip(size, pool, strict=True))
        if max(pool) > 1:
            sizes.append(f"pooling {_by(size)}")
        found.append(Convolution(int(n_filters), kernel, steps, pad, gaps, pool, rate))
    return found


def _vanished(sizes, strides, pool_size):
    return (
        f"The maps vanish: after {', '.join(sizes)}, strides={strides!r} and "
        f"pool_size={pool_size!r} leave nothing for the next convolution to step over or to "
        "pool. Make them smaller, set strides to 1 and pool_size to None there (a sequence has one "
        "value per convolution), set padding='same', or have fewer convolutions."
    )


def _by(size):
    return " x ".join(map(str, size))


def _per_layer(name, value, filters, check):
    hint = "; a height and a width are a pair inside that sequence: [(height, width)]"
    return per_layer(name, value, ("filters", filters), check, hint)


def _pair(name, entry):
    pair = (entry, entry) if isinstance(entry, Real) else entry
    if isinstance(pair, Sequence | np.ndarray) and len(pair) == 2 and all(map(is_size, pair)):
        return tuple(map(int, pair))
    raise ValueError(
        f"{name} must have positive integers or pairs (height, width) of them as entries, "
        f"received {entry!r}."
    )


def _pair_or_none(name, entry):
    return (1, 1) if entry is None else _pair(name, entry)


def _padding(name, entry):
    if entry in ("valid", "same"):
        return entry
    raise ValueError(f"{name} must be 'valid' or 'same' in each layer, received {entry!r}.")
