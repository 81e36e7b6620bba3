"""The filters of convolutions as images: `FilterDisplay`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdl._common.images import check_size
from skdl._common.settings import numpy_defaults
from skdl._displays.plotting import (
    as_pictures,
    check_axes,
    clear,
    columns_and_rows,
    draw_grid,
    import_pyplot,
    unwrapped,
)

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes


class FilterDisplay:
    """The filters of a convolution as a grid of images.

    Filters over one channel are drawn in grey, and filters over three channels in red, green and
    blue. Filters over other numbers of channels are drawn as a mosaic of grey images, one per
    channel, row by row. Medium grey is a weight of zero, and the scale is the same for all filters,
    so that strong and weak ones can be distinguished.

    Create it with `from_estimator` or `from_model`, which draw immediately.

    Parameters
    ----------
    kernels : ndarray of shape (height, width, n_channels, n_filters)
        Weights of the convolution.
    layer_name : str, default=None
        Name of the layer, which is used as the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes that bound the grid.
    axes_ : ndarray of matplotlib Axes of shape (n_drawn,)
        The axes of each filter.
    images_ : ndarray of matplotlib AxesImage of shape (n_drawn,)
        The image of each filter.
    figure_ : matplotlib Figure
        The figure that holds all of these.

    See Also
    --------
    build_convnet : Builds a convolutional network.

    References
    ----------
    .. [1] M. D. Zeiler, R. Fergus (2014). Visualizing and understanding convolutional
       networks. ECCV.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from skdl import FilterDisplay, build_convnet
    >>> net = build_convnet((28, 28, 1), 10, filters=(8, 16), seed=0)
    >>> display = FilterDisplay.from_model(net)
    >>> len(display.images_)
    8
    >>> FilterDisplay.from_model(net, layer=1).kernels.shape
    (3, 3, 8, 16)
    """

    def __init__(self, kernels: NDArray, *, layer_name: str | None = None):
        self.kernels = kernels
        self.layer_name = layer_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        layer: int | str = 0,
        *,
        max_filters: int = 64,
        ax: Axes | None = None,
    ) -> FilterDisplay:
        """Draw the filters of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted estimator with a Keras network in `model_`, or a Pipeline or search that
            ends in one.
        layer : int or str, default=0
            The convolution: its number among the network's convolutions of all kinds, counted from
            0, or from -1 backwards, the last one being -1; or its name.
        max_filters : int, default=64
            Largest number of filters to draw, beginning with the first.
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.

        Returns
        -------
        display : FilterDisplay
            Holds the weights and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator has no Keras network.
        ValueError
            If the network has no such convolution, in which case the message names the layers.
        """
        found = unwrapped(estimator, "model_", "Keras network")
        return cls.from_model(found.model_, layer, ax=ax, max_filters=max_filters)

    @classmethod
    def from_model(
        cls,
        model: keras.Model,
        layer: int | str = 0,
        *,
        ax: Axes | None = None,
        max_filters: int = 64,
    ) -> FilterDisplay:
        """Draw the filters of a Keras model.

        Parameters
        ----------
        model : keras.Model
            Network that contains `Conv2D` layers, directly or in models inside it.
        layer : int or str, default=0
            The convolution: its number among the network's convolutions of all kinds, counted from
            0, or from -1 backwards, the last one being -1; or its name.
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.
        max_filters : int, default=64
            Largest number of filters to draw, beginning with the first.

        Returns
        -------
        display : FilterDisplay
            Holds the weights and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the network has no such convolution, in which case the message names the layers, or
            if it is not built.
        """
        import_pyplot(f"{cls.__name__}.from_model")
        conv = _find_convolution(model, layer)
        if not conv.built:
            raise ValueError(
                f"model={model.name!r} is not built: its layer {conv.name!r} has no weights yet. "
                "Call model.build((None, height, width, channels)), or the model on images."
            )
        kernels = conv.get_weights()[0].astype(np.float32)
        return cls(kernels, layer_name=conv.name).plot(ax=ax, max_filters=max_filters)

    def plot(self, ax: Axes | None = None, *, max_filters: int = 64) -> FilterDisplay:
        """Draw the filters.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.
        max_filters : int, default=64
            Largest number of filters to draw, beginning with the first.

        Returns
        -------
        display : FilterDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If `max_filters` is not a positive integer.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        check_axes(ax)
        check_size("max_filters", max_filters)
        pictures = self._pictures(max_filters)
        n_columns, n_rows = columns_and_rows(len(pictures))
        if ax is None:
            inches = max(0.8, max(pictures[0].shape) * 0.05)
            size = (max(n_columns * inches, 2), n_rows * inches + 0.4)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        clear(ax)
        ax.set_axis_off()
        n_filters = self.kernels.shape[3]
        shown = "" if len(pictures) == n_filters else f" ({len(pictures)} of {n_filters} filters)"
        if self.layer_name is not None:
            ax.set_title(f"{self.layer_name}{shown}")
        self.axes_, self.images_ = draw_grid(ax, pictures, n_columns)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @numpy_defaults()
    def _pictures(self, max_filters: int) -> list[NDArray]:
        """Return filters as values in 0..1, (height, width), in colour (height, width, 3)."""
        largest = np.abs(self.kernels).max() or 1.0
        filters = np.moveaxis(0.5 + self.kernels / (2 * largest), 3, 0)[:max_filters]
        return as_pictures(filters)


FilterDisplay.__module__ = "skdl"


def _find_convolution(model: keras.Model, layer: int | str) -> keras.Layer:
    from skdl._networks.found_layers import found_layer
    from skdl._networks.keras import keras
    from skdl._networks.variables import flat_layers

    layers = list(flat_layers(model))
    names = [each.name for each in layers if isinstance(each, keras.layers.Conv2D)]
    if not names:
        raise ValueError(
            f"The network {model.name!r} has no Conv2D layer, so there are no filters to draw. Its "
            f"layers are {[each.name for each in model.layers]!r}; filters are those of networks "
            "on images, such as ConvNetClassifier."
        )
    found = found_layer(layers, layer)
    if not isinstance(found, keras.layers.Conv2D):
        raise ValueError(
            f"layer={layer!r} is a {type(found).__name__}, of which no filters are drawn. Give "
            f"the name of a Conv2D: {', '.join(names)}."
        )
    return found
