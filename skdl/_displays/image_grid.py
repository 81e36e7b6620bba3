"""Images with what a network made of them: `ImageGridDisplay`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_regressor
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_consistent_length

from skdl._common.images import check_size
from skdl._displays.image_captions import captions_of, message_of, title_of
from skdl._displays.image_predictions import (
    labels_and_probabilities,
    labels_of,
    naming,
    pixels_of,
    probabilities_of,
    scaled_pixels,
    settled_orientation,
    settled_shape,
    with_channels_last,
)
from skdl._displays.plotting import (
    COLOURS,
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

_WRONG = COLOURS[1]
# Type sizes of captions in points, and how wide a letter is as a fraction of it.
_LARGEST, _SMALLEST, _LETTER, _LINE = 8.0, 4.0, 0.56, 1.25


class ImageGridDisplay:
    """Images with their true and predicted labels, beginning with the misclassified ones.

    Above each image is the predicted label and, if they differ, the true label below it in colour,
    each with its probability if that is known.

    Create it with `from_predictions` or `from_estimator`, which draw immediately.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width, channels)
        Values in 0..1. Three channels are drawn as red, green and blue, one channel in grey, and
        other numbers of channels as a mosaic of grey images.
    y_true : array-like of shape (n_images,)
        True labels.
    y_pred : array-like of shape (n_images,)
        Predicted labels.
    true_proba : array-like of shape (n_images,), default=None
        Probabilities of the true labels.
    pred_proba : array-like of shape (n_images,), default=None
        Probabilities of the predicted labels.
    index : array-like of shape (n_images,), default=None
        Rows of the data from which the images are taken.
    title : str, default=None
        Title of the figure.
    message : str, default="There are no images to draw."
        Text that is shown instead of images if there are none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes that bound the grid.
    axes_ : ndarray of matplotlib Axes of shape (n_images,)
        The axes of each image; their titles are the captions.
    images_ : ndarray of matplotlib AxesImage of shape (n_images,)
        The artists of the images.
    figure_ : matplotlib Figure
        The figure that holds all of these.

    See Also
    --------
    FilterDisplay : Draws what the convolutions of a network look for.
    sklearn.metrics.ConfusionMatrixDisplay : Counts how often labels are confused.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_digits
    >>> from skdl import ConvNetClassifier, ImageGridDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ConvNetClassifier(epochs=1, random_state=0).fit(X[:1000], y[:1000])
    >>> display = ImageGridDisplay.from_estimator(net, X[1000:], y[1000:], max_images=6)
    >>> display.images.shape
    (6, 8, 8, 1)
    >>> bool((display.y_true != display.y_pred).all())
    True
    """

    def __init__(
        self,
        images: NDArray,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        true_proba: ArrayLike | None = None,
        pred_proba: ArrayLike | None = None,
        index: ArrayLike | None = None,
        title: str | None = None,
        message: str = "There are no images to draw.",
    ):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.true_proba = true_proba
        self.pred_proba = pred_proba
        self.index = index
        self.title = title
        self.message = message

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        only: str | None = "errors",
        order: str = "confidence",
        image_shape: tuple[int, ...] | None = None,
        display_labels: Sequence[str] | None = None,
        max_images: int = 25,
        ax: Axes | None = None,
    ) -> ImageGridDisplay:
        """Draw images with the labels that a fitted classifier predicts for them.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier of images; probabilities are shown if it has `predict_proba`.
        X : array-like, DataFrame or sparse matrix
            Images, rows of pixels or paths of files, as `estimator` takes them. Files that are
            drawn are read once more, in the shape in which `estimator` received them.
        y : array-like of shape (n_samples,)
            True labels.
        only : str or None, default="errors"
            "errors": misclassified images, the most confident errors first. "correct": correctly
            classified images, the least confident ones first. None: all images, in their order.
        order : str, default="confidence"
            "confidence": by the probability of the predicted label, as described for `only`.
            "loss": by the probability of the true label, with the largest cross-entropy first, for
            correctly classified images and for all images as well. It requires probabilities.
        image_shape : tuple of int, default=None
            Shape of images that are given as rows of pixels or paths; None takes the shape that
            `estimator`, or a step of its Pipeline such as `ImageReshaper`, determined in fit, or
            otherwise one that fits.
        display_labels : sequence of str, default=None
            Names of the classes, in the order of `estimator.classes_`; None shows the labels.
        max_images : int, default=25
            Largest number of images to draw.
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.

        Returns
        -------
        display : ImageGridDisplay
            Holds the images and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        FileNotFoundError
            If X holds paths of files that do not exist.
        TypeError
            If the estimator is no classifier.
        ValueError
            If data or parameters are invalid.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_fitted(estimator)
        if is_regressor(estimator):
            raise TypeError(
                f"estimator={estimator!r} must be a classifier, since right and wrong images are "
                "told by their labels."
            )
        y_pred, y_proba = labels_and_probabilities(estimator, X)
        return cls.from_predictions(
            with_channels_last(estimator, X),
            y,
            y_pred,
            only=only,
            order=order,
            y_proba=y_proba,
            classes=getattr(estimator, "classes_", None),
            display_labels=display_labels,
            image_shape=settled_shape(estimator) if image_shape is None else image_shape,
            exif_orientation=settled_orientation(estimator),
            max_images=max_images,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        only: str | None = "errors",
        order: str = "confidence",
        y_proba: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        display_labels: Sequence[str] | None = None,
        image_shape: tuple[int, ...] | None = None,
        exif_orientation: bool = True,
        max_images: int = 25,
        ax: Axes | None = None,
    ) -> ImageGridDisplay:
        """Draw images with the labels that were predicted for them.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix
            Rows of pixels (n_samples, n_pixels), images of shape (n_samples, height, width) or
            (n_samples, height, width, channels), or paths of image files (n_samples,), of which
            only those that are drawn are read. The largest value of their encoding (1, 16, 255 or
            65535) is drawn white; if there are negative values, the largest of the values that are
            drawn.
        y_true : array-like of shape (n_samples,)
            True labels.
        y_pred : array-like of shape (n_samples,)
            Predicted labels.
        only : str or None, default="errors"
            "errors": misclassified images, the most confident errors first. "correct": correctly
            classified images, the least confident ones first. None: all images, in their order.
            Without `y_proba`, the order is always that of the images.
        order : str, default="confidence"
            "confidence": by the probability of the predicted label, as described for `only`.
            "loss": by the probability of the true label, with the largest cross-entropy first, for
            correctly classified images and for all images as well. It requires probabilities.
        y_proba : array-like of shape (n_samples, n_classes), default=None
            Predicted probabilities.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_proba`; None means the sorted labels of `y_true` and
            `y_pred`.
        display_labels : sequence of str, default=None
            Names of `classes`, in the same order; None shows the labels.
        image_shape : tuple of int, default=None
            Height and width, or height, width and channels, of images that are given as rows of
            pixels; None: determined as by `ImageReshaper`. It is required for paths, whose images
            are resized to it.
        exif_orientation : bool, default=True
            Whether images in files are turned upright according to their EXIF metadata.
        max_images : int, default=25
            Largest number of images to draw.
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.

        Returns
        -------
        display : ImageGridDisplay
            Holds the images and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        FileNotFoundError
            If X holds paths of files that do not exist.
        ValueError
            If the numbers of rows differ, if there is not one label per row, if `image_shape` does
            not fit X or is missing for paths, if `classes` do not fit `y_proba` or the labels, or
            if a parameter is invalid.
        """
        import_pyplot(f"{cls.__name__}.from_predictions")
        if only not in ("errors", "correct", None):
            raise ValueError(f"only must be 'errors', 'correct' or None, received only={only!r}.")
        if order not in ("confidence", "loss"):
            raise ValueError(f"order must be 'confidence' or 'loss', received order={order!r}.")
        if order == "loss" and y_proba is None:
            raise ValueError(
                "order='loss' requires probabilities of the classes, received y_proba=None."
            )
        check_size("max_images", max_images)
        if np.ndim(X) == 1 and max(np.ndim(y_true), np.ndim(y_pred)) > 1:
            raise ValueError(
                f"X must be images, but has the shape {np.shape(X)}, and labels have more axes. "
                f"The order is {cls.__name__}.from_predictions(X, y_true, y_pred)."
            )
        pixels, shape = pixels_of(X, image_shape, exif_orientation)
        y_true, y_pred = labels_of(y_true, "y_true"), labels_of(y_pred, "y_pred")
        check_consistent_length(pixels, y_true, y_pred, y_proba)
        found = unique_labels(y_true, y_pred)  # which raises where their types differ
        classes = found if classes is None else np.asarray(classes)
        true_proba, pred_proba = probabilities_of(y_proba, classes, y_true, y_pred)
        right = y_true == y_pred
        wanted = {"errors": ~right, "correct": right, None: np.ones_like(right)}
        chosen = np.flatnonzero(wanted[only])
        if order == "loss" and true_proba is not None:
            # A label that the network does not know has no probability, and so the largest loss.
            chosen = chosen[np.argsort(np.nan_to_num(true_proba[chosen]), kind="stable")]
        elif pred_proba is not None and only is not None:
            sureness = pred_proba[chosen] * (-1 if only == "errors" else 1)
            chosen = chosen[np.argsort(sureness, kind="stable")]
        shown = chosen[:max_images]
        name = naming(classes, display_labels)
        return cls(
            scaled_pixels(pixels, shown).reshape(-1, *shape),
            name(y_true[shown]),
            name(y_pred[shown]),
            true_proba=None if true_proba is None else true_proba[shown],
            pred_proba=None if pred_proba is None else pred_proba[shown],
            index=shown,
            title=title_of(only, order, len(right), len(chosen), len(shown)),
            message=message_of(only, len(right)),
        ).plot(ax)

    def plot(self, ax: Axes | None = None) -> ImageGridDisplay:
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the grid, cleared first; None makes a new figure.

        Returns
        -------
        display : ImageGridDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        check_axes(ax)
        captions = captions_of(self)
        n = len(captions)
        n_lines = max((text.count("\n") + 1 for text, _ in captions), default=1)
        n_letters = max((len(line) for text, _ in captions for line in text.split("\n")), default=1)
        # A new figure gives each image as much room, in inches, as its caption needs.
        height, width = self.images.shape[1:3]
        cell_width = max(0.9, n_letters * _LARGEST * _LETTER / 72 + 0.1)
        caption = (n_lines * _LINE + 0.5) * _LARGEST / 72
        cell_height = caption + max(cell_width * min(height / width, 2), 0.3)
        n_columns, n_rows = columns_and_rows(n, cell_height / cell_width)
        if ax is None:
            title = max(1.0 + 0.085 * len(self.title or ""), 0.0 if n else 3.6)
            size = (max(n_columns * cell_width, title), max(n_rows, 0.5) * cell_height + 0.35)
            figure, ax = plt.subplots(figsize=size, layout="constrained")
            figure.draw_without_rendering()
        self.ax_, self.figure_ = ax, ax.figure
        clear(ax)
        ax.set_axis_off()
        ax.set_title(self.title or "", fontsize="medium")
        box = ax.get_window_extent()
        room = box.width / n_columns / ax.figure.dpi * 72
        size = np.clip(0.95 * room / (n_letters * _LETTER), _SMALLEST, _LARGEST)
        room = box.height / max(n_rows, 1) / ax.figure.dpi * 72
        free = min(0.05 + n_lines * _LINE * size / room, 0.7)
        self.axes_, self.images_ = draw_grid(ax, as_pictures(self.images), n_columns, free)
        if not n:
            ax.text(0.5, 0.5, textwrap.fill(self.message, 40), ha="center", va="center")
        for cell, (text, wrong) in zip(self.axes_, captions, strict=True):
            look = {"color": _WRONG} if wrong else {}
            cell.set_title(text, fontsize=size, pad=2, linespacing=1.1, **look)
        return self


ImageGridDisplay.__module__ = "skdl"
