"""Errors and warnings of skdl."""

__all__ = [
    "ImageShapeWarning",
    "InvalidFileError",
    "NonFiniteLossError",
    "PixelRangeWarning",
    "TargetsWarning",
    "UnsupportedVersionError",
    "UntrustedTypesError",
    "VersionWarning",
]


class NonFiniteLossError(ValueError):
    """The loss, or a weight, became NaN or infinite during training."""


class ImageShapeWarning(UserWarning):
    """Data were taken as images of a shape that they hardly have, such as a table as one row."""


class PixelRangeWarning(UserWarning):
    """Pixels lie in another range than in fit, such as 0 to 1 where it was 0 to 255."""


class TargetsWarning(UserWarning):
    """Targets look as if they were meant otherwise than they are taken.

    Such are a one-hot matrix for one class per row, which is taken for several labels per row,
    and `y_val` far outside of the values of y, which a `TransformedTargetRegressor` transformed.
    """


class InvalidFileError(ValueError):
    """A file is not as `skdl.save` writes it: of another kind, damaged, or made to do harm."""


class UntrustedTypesError(ValueError):
    """A saved estimator holds classes or functions that are not known to be harmless.

    Parameters
    ----------
    message : str
        What is wrong, and what to do.
    names : list of str, default=None
        Becomes the attribute; None means an empty list.

    Attributes
    ----------
    names : list of str
        What would have to be trusted, `"module.name"` each.
    """

    def __init__(self, message: str, names: list[str] | None = None):
        super().__init__(message)
        self.names = names or []


class UnsupportedVersionError(ValueError):
    """A pickle or saved estimator was written by a version that this one cannot read."""


class VersionWarning(UserWarning):
    """A pickle or saved estimator was written by other versions, which this one can read."""
