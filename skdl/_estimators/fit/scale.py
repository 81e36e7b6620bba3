"""The mean and the standard deviation of y, learned and undone in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """By what y of shape (n_samples, n_outputs) is standardised.

    Parameters
    ----------
    mean : ndarray of shape (n_outputs,)
        Of each output, in the units of y.
    deviation : ndarray of shape (n_outputs,)
        Standard deviation of each output, in the units of y; 1 for a constant output.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def none(cls, n_outputs: int) -> Scale:
        """Return the scale that leaves y as it is."""
        return cls(np.zeros(n_outputs), np.ones(n_outputs))

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None = None) -> Scale:
        """Return the weighted mean and standard deviation of the rows of y.

        Rows of weight 0 do not count. Values are halved or doubled, which is exact, before they
        are squared, and the mean is taken off first: neither large values nor a large offset
        costs precision.
        """
        y = y.astype(np.float64)
        weight = np.ones(len(y)) if weight is None else weight
        y, weight = y[weight > 0], weight[weight > 0]
        exponent = np.frexp(np.abs(y).max(axis=0))[1]
        scaled = np.ldexp(y, -exponent)
        first = scaled[0]
        mean = first + np.average(scaled - first, axis=0, weights=weight)
        variance = np.average((scaled - mean) ** 2, axis=0, weights=weight)
        deviation = np.ldexp(np.sqrt(variance), exponent)
        constant = (y == y[0]).all(axis=0) | (deviation == 0)
        mean = np.where(constant, y[0], np.ldexp(mean, exponent))
        return cls(mean, np.where(constant, 1.0, deviation))

    def standardized(self, y: np.ndarray) -> np.ndarray:
        """Return y less its mean, divided by its standard deviation, in float64."""
        with np.errstate(over="ignore"):
            return (y.astype(np.float64) - self.mean) / self.deviation

    def undone(self, outputs: np.ndarray) -> np.ndarray:
        """Return standardised values in the units of y, in float64."""
        return outputs.astype(np.float64) * self.deviation + self.mean
