"""Where in an image a network sees a class: `GradCAMDisplay`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdl._common.counts import counted
from skdl._common.images import check_size
from skdl._common.settings import numpy_defaults
from skdl._displays.class_activations import class_activations, network_and_inputs
from skdl._displays.image_predictions import first_images, images_given_to
from skdl._displays.plotting import (
    as_pictures,
    check_axes,
    check_fitted,
    clear,
    columns_and_rows,
    draw_grid,
    import_pyplot,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class GradCAMDisplay:
    """Images, overlaid with what in them speaks for a class (Grad-CAM).

    The feature maps of a convolution are summed, each weighted by the mean gradient of the score of
    the class with respect to it, and negative sums are set to zero [1]_. The score is the output
    before softmax or sigmoid; for two classes and one output, that of the first class is its
    negative. Bright is what raises the score. Each image has a scale of its own.

    Create it with `from_estimator`, which draws immediately.

    Parameters
    ----------
    maps : ndarray of shape (n_images, map_height, map_width)
        The weighted sums, not negative, in the resolution of the feature maps.
    images : ndarray of shape (n_images, height, width, channels)
        The images, with values in 0..1.
    captions : list of str, default=None
        Text above each image; None leaves it out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes that bound the grid.
    axes_ : ndarray of matplotlib Axes of shape (n_images,)
        The axes of each image; their titles are the captions.
    images_ : ndarray of matplotlib AxesImage of shape (n_images,)
        The artists of the images.
    overlays_ : ndarray of matplotlib AxesImage of shape (n_images,)
        The artists of the maps over them.
    figure_ : matplotlib Figure
        The figure that holds all of these.

    See Also
    --------
    FeatureMapDisplay : Draws the outputs of single filters.
    ImageGridDisplay : Draws images with their true and predicted labels.

    Notes
    -----
    A map shows what the score depends on near this image. It does not show that the network is
    right, and a network that has learned little still gives a map.

    References
    ----------
    .. [1] R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra (2017). Grad-CAM:
       visual explanations from deep networks via gradient-based localization. ICCV.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_digits
    >>> from skdl import ConvNetClassifier, GradCAMDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ConvNetClassifier(filters=(8, 16), pool_size=None, epochs=2, random_state=0)
    >>> display = GradCAMDisplay.from_estimator(net.fit(X[:500], y[:500]), X[500:504])
    >>> display.maps.shape
    (4, 4, 4)
    """

    def __init__(self, maps: NDArray, images: NDArray, *, captions: Sequence[str] | None = None):
        self.maps = maps
        self.images = images
        self.captions = captions

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        target: Any = None,
        layer: int | str | None = None,
        image_shape: tuple[int, ...] | None = None,
        max_images: int = 9,
        alpha: float = 0.6,
        cmap: Any = "inferno",
        ax: Axes | None = None,
    ) -> GradCAMDisplay:
        """Draw where a fitted network sees a class in images.

        Parameters
        ----------
        estimator : estimator
            Fitted `ConvNetClassifier`, `PretrainedFeatureClassifier`, or `KerasClassifier` or
            `KerasRegressor` with convolutions; or a Pipeline or search that ends in one.
        X : array-like, DataFrame or sparse matrix
            Images, rows of pixels or paths of files, as `estimator` takes them.
        target : object, default=None
            Label of the class, or number of the label or output, counted from 0, of a multilabel
            classifier or a regressor. None: for each image, the class with the largest probability;
            the only output of a regressor.
        layer : int or str, default=None
            Which feature maps: the number of a convolution among those of all kinds, counted from
            0, or from -1 backwards, the last one being -1; or the name of a layer, also of one
            within a backbone. None: the last convolution whose maps have more than one place.
        image_shape : tuple of int, default=None
            Shape of images that are given as rows of pixels; None takes the shape that `estimator`,
            or a step of its Pipeline such as `ImageReshaper`, determined in fit, or otherwise one
            that fits.
        max_images : int, default=9
            Largest number of images to draw, the first ones.
        alpha : float, default=0.6
            Opacity of the brightest place, in [0, 1].
        cmap : str or matplotlib Colormap, default="inferno"
            Colours of the map.
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.

        Returns
        -------
        display : GradCAMDisplay
            Holds the maps and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator is not a network of skdl.
        ValueError
            If the network has no convolution or no such layer, in which case the message lists the
            layers; if the layer's outputs are not feature maps; if `target` is unknown; if the
            scores before softmax or sigmoid are not known; or if a parameter is invalid.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_fitted(estimator)
        check_size("max_images", max_images)
        _check_opacity(alpha)
        X = first_images(estimator, X, max_images)
        net, given = network_and_inputs(estimator, X)
        maps, captions = class_activations(net, given, layer, target)
        images = images_given_to(net, given, len(maps), image_shape)
        return cls(maps, images, captions=captions).plot(
            ax, max_images=max_images, alpha=alpha, cmap=cmap
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        max_images: int = 9,
        alpha: float = 0.6,
        cmap: Any = "inferno",
    ) -> GradCAMDisplay:
        """Draw the images and the maps over them.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.
        max_images : int, default=9
            Largest number of images to draw, the first ones.
        alpha : float, default=0.6
            Opacity of the brightest place, in [0, 1].
        cmap : str or matplotlib Colormap, default="inferno"
            Colours of the map.

        Returns
        -------
        display : GradCAMDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If `max_images` or `alpha` is invalid, there are no images, or there is not one map per
            image.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        check_axes(ax)
        check_size("max_images", max_images)
        _check_opacity(alpha)
        if len(self.maps) != len(self.images) or not len(self.maps):
            raise ValueError(
                f"There must be one map per image, and at least one, received {len(self.maps)} "
                f"maps and {counted(len(self.images), 'image')}."
            )
        maps, pictures = self._scaled()[:max_images], as_pictures(self.images[:max_images])
        height, width = self.images.shape[1:3]
        longest = max((len(text) for text in self.captions or ()), default=0)
        cell_width = max(1.5, 0.07 * longest)
        caption = 0.22 if self.captions is not None else 0.05
        cell_height = 0.95 * cell_width * min(height / width, 2) + caption
        n_columns, n_rows = columns_and_rows(len(maps), cell_height / cell_width)
        if ax is None:
            size = (n_columns * cell_width, n_rows * cell_height)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        clear(ax)
        ax.set_axis_off()
        self.axes_, self.images_ = draw_grid(ax, pictures, n_columns, caption / cell_height)
        overlays = []
        for cell, image, values in zip(self.axes_, self.images_, maps, strict=True):
            overlays.append(
                cell.imshow(
                    values,
                    cmap=cmap,
                    alpha=alpha * values,
                    vmin=0,
                    vmax=1,
                    extent=image.get_extent(),
                    interpolation="bilinear",
                )
            )
        self.overlays_ = np.array(overlays, dtype=object)
        for cell, text in zip(self.axes_, self.captions or [], strict=False):
            cell.set_title(text, fontsize=8, pad=2)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @numpy_defaults()
    def _scaled(self) -> NDArray:
        """Return the maps in 0..1, each by its own largest value."""
        maps = np.asarray(self.maps, dtype=np.float32)
        largest = maps.max(axis=(1, 2), keepdims=True)
        return maps / np.where(largest > 0, largest, 1)


GradCAMDisplay.__module__ = "skdl"


def _check_opacity(alpha):
    if not isinstance(alpha, Real) or not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be a number in [0, 1], received {alpha!r}.")
