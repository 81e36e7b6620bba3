"""Images on their way into a pretrained backbone."""

from __future__ import annotations

from math import prod

from skdl._common.counts import counted
from skdl._common.images import is_size, resolve_image_shape, warn_of_doubtful_shape
from skdl._transformers.image_inputs import ImageInputs


class BackboneInputs(ImageInputs):
    """Settles in fit what becomes of images before a backbone sees them."""

    def _settle_shape(self, n_pixels, given):
        self._given = self._shape_of(n_pixels, given)
        asked = given is None and self._given[:2] == self._size_asked_for()
        warn_of_doubtful_shape(self._given, given, asked)

    def _settle_shape_of(self, sources):
        self._given = None  # to what they are read the backbone says

    def _shape_in_fit(self):
        return self._given or getattr(self, "image_shape_", None)

    def _shape_of(self, n_pixels, given):
        """Return height, width and channels of images in X."""
        size = self._size_asked_for()
        if given is None and size is not None:  # rows of pixels that are of this size already
            for channels in (1, 3):
                if prod(size) * channels == n_pixels:
                    return (*size, channels)
        return resolve_image_shape(n_pixels, given)

    def _size_asked_for(self):
        """Return the parameter `image_shape` as two ints, or None."""
        if self.image_shape is None:
            return None
        size = tuple(self.image_shape)
        if len(size) == 3 and size[2] in (1, 3):
            size = size[:2]  # channels follow from the backbone
        if len(size) != 2 or not all(map(is_size, size)):
            raise ValueError(
                "image_shape must be (height, width), positive integers, or None, received "
                f"image_shape={self.image_shape!r}."
            )
        return tuple(map(int, size))

    def _learn_inputs(self, X):
        """Settle backbone, shape and scale of images, and return the images."""
        from skdl._networks.builders.backbones import find_backbone

        given = None if self._given is None else self._given[:2]
        backbone = find_backbone(
            self.backbone, self.weights, self._size_asked_for(), given,
            getattr(self, "layer", None), getattr(self, "dtype", "float32"),
        )  # fmt: skip
        channels = backbone.input_shape[2]
        if self._given is None:
            self.image_shape_ = backbone.input_shape
            self.n_features_in_ = prod(self.image_shape_)
        else:
            self.image_shape_ = self._given
            if self._given[2] not in {1, channels}:
                raise ValueError(
                    f"X holds images of shape {self._given}, but {backbone.label} takes "
                    f"{counted(channels, 'channel')}. Give images of "
                    f"{counted(channels, 'channel')}, or grey ones, "
                    "which are repeated; channels come last: (n, height, width, channels)."
                )
        self._preprocess = backbone.preprocessing(self.preprocess)
        backbone.n_features(self.pooling)  # raises if there are no maps to pool
        self._note_range(X)
        # 1 for what is no application's, and for values that are no pixels
        maximum = self._range[2] if isinstance(self._preprocess, str) else None
        self.scale_ = 1.0 if maximum is None else 255 / maximum
        self._backbone = backbone
        return self._inputs(X)

    def _feature_arguments(self):
        """Return the arguments that build the network's part up to the features."""
        return {
            "input_shape": self.image_shape_,
            "backbone": self._backbone.architecture,
            "image_shape": self._backbone.input_shape[:2],
            "preprocess": self._preprocess,
            "rescale": self.scale_,
            "pooling": self.pooling,
            "dtype": getattr(self, "dtype", "float32"),
        }
