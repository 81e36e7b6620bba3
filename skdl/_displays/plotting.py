"""What the displays share: matplotlib when it is needed, colours, grids of images."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart with every kind of colour vision; their yellow is too
# faint for lines on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def import_pyplot(caller: str) -> Any:
    """Return `matplotlib.pyplot`, or say how to install it."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib. Install it with: pip install 'skdl[plots]'"
        ) from error
    return pyplot


def check_axes(ax: Any) -> None:
    """Raise a TypeError if what is drawn on is no matplotlib Axes, nor None."""
    if ax is None or hasattr(ax, "inset_axes"):
        return
    remedy = "Give ax=figure.subplots()." if hasattr(ax, "subplots") else "None makes a new figure."
    raise TypeError(f"ax must be matplotlib Axes, received {ax!r}. {remedy}")


def check_fitted(estimator: Any, parameter: str = "estimator") -> None:
    """Raise an error that says what to give if something is no fitted estimator."""
    of_keras = type(estimator).__module__.partition(".")[0] == "keras"
    if hasattr(estimator, "fit") and not of_keras:
        check_is_fitted(estimator)
        return
    remedy = f"Give the fitted {parameter} itself"
    if of_keras:
        remedy = "Give the estimator of skdl that holds the Keras network, not the network itself"
    elif isinstance(estimator, dict):
        remedy += ", not what it has in an attribute"
    raise TypeError(
        f"{parameter} must be a fitted {parameter}, received {reprlib.repr(estimator)}. {remedy}."
    )


def unwrapped(
    net: Any, attribute: str, what: str, parameter: str = "estimator", or_else: str = ""
) -> Any:
    """Return the estimator with an attribute inside fitted Pipelines, searches and the like.

    `or_else` is another attribute that does as well, if it is given.
    """
    check_fitted(net, parameter.rstrip(": "))
    found = net
    while not any(hasattr(found, name) for name in (attribute, or_else) if name):
        inner = [getattr(found, name, None) for name in ("best_estimator_", "regressor_")]
        inner += [steps[-1][1] for steps in [getattr(found, "steps", None)] if steps]
        found = next((one for one in inner if one is not None), None)
        if found is None:
            wanted = "network of skdl, or a Pipeline or search that ends in one"
            if parameter == "search":
                wanted = "GridSearchCV, RandomizedSearchCV or the like, or a Pipeline with one last"
            raise TypeError(
                f"{parameter}={net!r} has no {what} in {attribute}. Give a fitted {wanted}."
            )
    return found


def next_colours(ax: Axes, n: int) -> list[Any]:
    """Return n colours that are told apart, after those of the lines that axes already have."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    used = {to_hex(line.get_color()).upper() for line in ax.lines}
    free = [colour for colour in COLOURS if colour not in used]
    if n <= len(free):
        return free[:n]
    return list(colormaps["viridis"](np.linspace(0, 0.9, n)))


def clear(*axes: Axes) -> None:
    """Take away what an earlier picture left in axes, and its colour bars beside them."""
    for ax in axes:
        for image in [*ax.images, *ax.collections]:
            if image.colorbar is not None:
                image.colorbar.remove()
        ax.clear()


def columns_and_rows(n: int, ratio: float = 1.0) -> tuple[int, int]:
    """Return the columns and rows of a grid of n cells, about as wide as high.

    Parameters
    ----------
    n : int
        Number of cells.
    ratio : float, default=1.0
        Height of a cell divided by its width.
    """
    n = max(n, 1)
    n_rows = -(-n // min(int(np.ceil(np.sqrt(n * ratio))), n))
    return -(-n // n_rows), n_rows


def mosaic(channels: NDArray) -> NDArray:
    """Return images (n, height, width) side by side in one, NaN between them."""
    n, height, width = channels.shape
    n_columns, n_rows = columns_and_rows(n)
    together = np.full((n_rows * (height + 1) - 1, n_columns * (width + 1) - 1), np.nan)
    for i, channel in enumerate(channels):
        top, left = i // n_columns * (height + 1), i % n_columns * (width + 1)
        together[top : top + height, left : left + width] = channel
    return together


def as_pictures(images: NDArray) -> list[NDArray]:
    """Return images (n, height, width, channels) as matplotlib draws them.

    Three channels are colours, one is grey, and others become a mosaic of grey images.
    """
    if images.shape[-1] == 3:
        return list(images)
    return [mosaic(np.moveaxis(image, 2, 0)) for image in images]


def draw_grid(
    ax: Axes, pictures: Sequence[NDArray], n_columns: int, free: float = 0.05
) -> tuple[NDArray, NDArray]:
    """Draw pictures of values in 0..1 in a grid, and return their axes and images.

    Parameters
    ----------
    ax : matplotlib Axes
        Bounds the grid.
    pictures : sequence of ndarray of shape (height, width) or (height, width, 3)
        What `as_pictures` returns.
    n_columns : int
        Number of columns.
    free : float, default=0.05
        Fraction of a cell's height that is left free over the picture, for a caption.
    """
    n_rows = -(-len(pictures) // n_columns)
    axes, images = [], []
    for i, picture in enumerate(pictures):
        row, column = divmod(i, n_columns)
        left, bottom = (column + 0.05) / n_columns, 1 - (row + 0.95) / n_rows
        cell = ax.inset_axes((left, bottom, 0.9 / n_columns, (0.95 - free) / n_rows))
        cell.set_xticks([])
        cell.set_yticks([])
        images.append(cell.imshow(picture, cmap="gray", vmin=0, vmax=1))
        axes.append(cell)
    return np.array(axes, dtype=object), np.array(images, dtype=object)
