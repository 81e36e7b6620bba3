"""Types that parameters of several estimators share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

# A Keras name, a configuration, or a function or object that can be called.
KerasObject: TypeAlias = str | dict[str, Any] | Callable[..., Any]
