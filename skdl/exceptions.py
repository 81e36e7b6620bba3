"""Errors and warnings of skdl."""

__all__ = [
    "ImageShapeWarning",
    "InvalidFileError",
    "NonFiniteLossError",
    "PixelRangeWarning",
    "TargetsWarning",
    "UnscaledDataWarning",
    "UnsupportedVersionError",
    "UntrustedTypesError",
    "VersionWarning",
]


class NonFiniteLossError(ValueError):
    """The loss, or a weight, became NaN or infinite during training."""


class ImageShapeWarning(UserWarning):
    """Data are treated as images although their shape makes this unlikely, such as a table."""


class PixelRangeWarning(UserWarning):
    """Pixels are in another range than in fit, such as 0 to 1 instead of 0 to 255."""


class TargetsWarning(UserWarning):
    """Targets look as if they were meant in another way than they are interpreted.

    Examples are a one-hot matrix for one class per row, which is interpreted as several labels per
    row, `y_val` far outside the range of y after a `TransformedTargetRegressor` has transformed
    y, and values of y that the last activation of a network of your own cannot give.
    """


class UnscaledDataWarning(UserWarning):
    """Columns of X, or the targets of a regressor, are so large that a network learns badly.

    Networks expect inputs and targets of about one: use a `StandardScaler` in a Pipeline and a
    `TransformedTargetRegressor`, or `TabularClassifier` and `TabularRegressor`, which scale the
    data themselves.
    """


class InvalidFileError(ValueError):
    """A file was not written by `skdl.save`, or is damaged or malicious."""


class UntrustedTypesError(ValueError):
    """A saved estimator contains classes or functions that are not known to be harmless.

    Parameters
    ----------
    message : str
        What is wrong, and how to fix it.
    names : list of str, default=None
        Value of the attribute; None means an empty list.

    Attributes
    ----------
    names : list of str
        Names that would have to be trusted, each as `"module.name"`.
    """

    def __init__(self, message: str, names: list[str] | None = None):
        super().__init__(message)
        self.names = names or []


class UnsupportedVersionError(ValueError):
    """A pickle or saved estimator was written by a version that this one cannot read."""


class VersionWarning(UserWarning):
    """A pickle or saved estimator was written by other versions, which this one can read."""
