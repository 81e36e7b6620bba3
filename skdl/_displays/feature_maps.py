"""What the filters of a convolution find in images: `FeatureMapDisplay`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdl._common.images import check_size
from skdl._common.settings import numpy_defaults
from skdl._displays.image_predictions import first_images, images_given_to, last_network
from skdl._displays.plotting import (
    as_pictures,
    check_axes,
    check_fitted,
    clear,
    draw_grid,
    import_pyplot,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class FeatureMapDisplay:
    """The outputs of a convolution for a few images, one row per image.

    Each row begins with the image; the feature maps of the layer's filters follow. Bright is where
    a filter found what it looks for. The scale is the same for all maps, so that strong and weak
    ones can be told apart.

    It is best made by `from_estimator`, which draws at once.

    Parameters
    ----------
    maps : ndarray of shape (n_images, height, width, n_filters)
        Outputs of the layer.
    images : ndarray of shape (n_images, height, width, channels), default=None
        The images, values in 0..1; None draws the maps alone.
    layer_name : str, default=None
        Name of the layer, which becomes the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes that bound the grid.
    axes_ : ndarray of matplotlib Axes of shape (n_images, n_columns)
        The axes of each image and map, row by row.
    images_ : ndarray of matplotlib AxesImage of shape (n_images, n_columns)
        The artists of the images and maps.
    figure_ : matplotlib Figure
        The figure that holds all of these.

    See Also
    --------
    FilterDisplay : Draws the filters themselves.
    ConvNetClassifier.feature_maps : Returns the maps.

    References
    ----------
    .. [1] M. D. Zeiler, R. Fergus (2014). Visualizing and understanding convolutional
       networks. ECCV.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_digits
    >>> from skdl import ConvNetClassifier, FeatureMapDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ConvNetClassifier(filters=(8, 16), epochs=1, random_state=0).fit(X[:500], y[:500])
    >>> display = FeatureMapDisplay.from_estimator(net, X[:3])
    >>> display.maps.shape
    (3, 6, 6, 8)
    >>> display.images_.shape
    (3, 9)
    """

    def __init__(
        self, maps: NDArray, *, images: NDArray | None = None, layer_name: str | None = None
    ):
        self.maps = maps
        self.images = images
        self.layer_name = layer_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        layer: int | str = 0,
        *,
        max_images: int = 5,
        max_maps: int = 8,
        ax: Axes | None = None,
    ) -> FeatureMapDisplay:
        """Draw the feature maps of a fitted network for images.

        Parameters
        ----------
        estimator : estimator
            Fitted `ConvNetClassifier`, or a Pipeline or search that ends in one.
        X : array-like, DataFrame or sparse matrix
            Images, rows of pixels or paths of files, as `estimator` takes them.
        layer : int or str, default=0
            Which convolution: its number among the network's convolutions of all kinds, counted
            from 0, or from -1 backwards, the last one being -1; or the name of a layer whose
            outputs are maps.
        max_images : int, default=5
            Largest number of images to draw, the first ones.
        max_maps : int, default=8
            Largest number of maps of each image to draw, the first ones.
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.

        Returns
        -------
        display : FeatureMapDisplay
            Holds the maps and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator has no `feature_maps`.
        ValueError
            If there is no such layer, where the message lists the layers, if its outputs are
            not feature maps, if X has no rows or a parameter is not as described.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_fitted(estimator)
        _check_sizes(max_images, max_maps)
        X = first_images(estimator, X, max_images)
        net, given = last_network(estimator, X, lambda each: hasattr(each, "feature_maps"))
        if not hasattr(net, "feature_maps"):
            raise TypeError(
                f"estimator={net!r} has no feature_maps. Give a fitted ConvNetClassifier, or "
                "a Pipeline or search that ends in one."
            )
        maps = net.feature_maps(given, layer)
        if maps.ndim != 4:
            raise ValueError(
                f"layer={layer!r} has outputs of shape {maps.shape[1:]} per image, which are "
                "not feature maps. Give the number or the name of a convolution."
            )
        images = images_given_to(net, given, len(maps))
        return cls(maps, images=images, layer_name=net._network.layer_name(layer)).plot(
            ax, max_images=max_images, max_maps=max_maps
        )

    def plot(
        self, ax: Axes | None = None, *, max_images: int = 5, max_maps: int = 8
    ) -> FeatureMapDisplay:
        """Draw the maps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.
        max_images : int, default=5
            Largest number of images to draw, the first ones.
        max_maps : int, default=8
            Largest number of maps of each image to draw, the first ones.

        Returns
        -------
        display : FeatureMapDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If `max_images` or `max_maps` is not a positive integer, or there are no maps.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        check_axes(ax)
        _check_sizes(max_images, max_maps)
        if not self.maps.size:
            raise ValueError(f"There are no maps to draw: maps has shape {self.maps.shape}.")
        maps = self._scaled()[:max_images, :, :, :max_maps]
        n_rows, n_maps = len(maps), maps.shape[3]
        n_columns = n_maps + (self.images is not None)
        pictures = []
        for i, channels in enumerate(np.moveaxis(maps, 3, 1)):
            if self.images is not None:
                pictures += as_pictures(self.images[i : i + 1])
            pictures += list(channels)
        if ax is None:
            size = (max(n_columns * 0.9, 2.4), n_rows * 0.9 + 0.4)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        clear(ax)
        ax.set_axis_off()
        n_filters = self.maps.shape[3]
        shown = "" if n_maps == n_filters else f" ({n_maps} of {n_filters} maps)"
        if self.layer_name is not None:
            ax.set_title(f"{self.layer_name}{shown}", fontsize="medium")
        axes, images = draw_grid(ax, pictures, n_columns)
        self.axes_, self.images_ = (each.reshape(n_rows, n_columns) for each in (axes, images))
        for image in self.images_[:, n_columns - n_maps :].ravel():
            image.set_cmap("viridis")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @numpy_defaults()
    def _scaled(self) -> NDArray:
        """Return all maps in 0..1, 0 as the darkest where nothing is negative."""
        maps = self.maps.astype(np.float32)
        low, high = min(maps.min(), 0.0), maps.max()
        return (maps - low) / ((high - low) or 1.0)


FeatureMapDisplay.__module__ = "skdl"


def _check_sizes(max_images, max_maps):
    check_size("max_images", max_images)
    check_size("max_maps", max_maps)
