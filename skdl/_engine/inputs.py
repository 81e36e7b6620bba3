"""What a network takes: one input, or several by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


@dataclass(frozen=True)
class Inputs:
    """The inputs of a network, in the order in which the data have them.

    Parameters
    ----------
    names : tuple of (str or None)
        Names of the inputs; None for the only one, which is then a tensor and no dict.
    shapes : tuple of tuple
        Shapes, with None for the number of rows.
    dtypes : tuple of str
        What the network computes with. Bytes stay bytes until they are cast to these.
    """

    names: tuple[str | None, ...]
    shapes: tuple[tuple, ...]
    dtypes: tuple[str, ...]

    @classmethod
    def of(cls, model: keras.Model) -> Inputs:
        """Return the input of a network that has one."""
        (tensor,) = model.inputs
        return cls((None,), (tuple(tensor.shape),), (str(tensor.dtype),))

    def of_tensors(self, tensors: list[Any]) -> Any:
        """Return one tensor, or a dict of tensors by their names."""
        return tensors[0] if self.names == (None,) else dict(zip(self.names, tensors, strict=True))

    def of_rows(self, tensors: list[tf.Tensor]) -> Any:
        """Return rows as the network takes them."""
        cast = (tf.cast(t, dtype) for t, dtype in zip(tensors, self.dtypes, strict=True))
        return self.of_tensors(list(cast))

    def specs(self, n_rows: int | None) -> Any:
        """Return what a trace has to know of so many rows, None for any number."""
        specs = [
            tf.TensorSpec([n_rows, *shape[1:]], dtype)
            for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
        ]
        return self.of_tensors(specs)
