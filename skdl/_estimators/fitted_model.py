"""What estimators of one network and of several share: a fit that fails, attributes before one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from skdl._common.interrupts import interrupts_as_raised
from skdl._common.processes import check_process
from skdl._common.restoring import as_before_if_it_fails
from skdl._networks.settings import own_settings


class HoldsModel:
    """An estimator that is fitted once it has networks, and left as it was where fit fails."""

    def __sklearn_is_fitted__(self) -> bool:
        raise NotImplementedError

    @contextmanager
    def _as_before_if_it_fails(self) -> Iterator[None]:
        check_process()
        with own_settings(), as_before_if_it_fails(self), interrupts_as_raised():
            yield

    def _check_has(self, name: str) -> None:
        """Raise the error of attributes, such as `model_`, that only fit makes."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(
                f"This {type(self).__name__} has no attribute {name!r} yet: call fit first."
            )
