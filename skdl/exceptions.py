"""Errors and warnings of skdl."""

__all__ = ["NonFiniteLossError", "TrainingInterruptedWarning"]


class NonFiniteLossError(ValueError):
    """The loss, or a weight, became NaN or infinite during training."""


class TrainingInterruptedWarning(UserWarning):
    """Training was interrupted from the keyboard; the estimator is usable as it was then."""
