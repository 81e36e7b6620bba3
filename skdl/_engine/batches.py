"""Batches for `Model.fit`, whose errors arrive at the caller as they were raised."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from skdl._networks.keras import keras


class BatchSource(keras.utils.PyDataset):
    """Batches that are made when they are asked for, by `read`.

    Keras reads them inside a function of TensorFlow, which turns any error into one of its own, of
    another type and hundreds of lines. So the error is kept.
    """

    error: BaseException | None = None

    def __getitem__(self, i: int) -> Any:
        try:
            return self.read(i)
        except BaseException as error:
            self.error = error
            raise

    def read(self, i: int) -> Any:
        """Return the i-th batch: inputs, targets and weights."""
        raise NotImplementedError


@contextlib.contextmanager
def errors_as_raised(*sources: BatchSource | None) -> Iterator[None]:
    """Raise what went wrong in reading batches in place of what TensorFlow made of it."""
    try:
        yield
    except Exception:
        for source in sources:
            if source is not None and source.error is not None:
                raise source.error from source.error.__cause__
        raise
