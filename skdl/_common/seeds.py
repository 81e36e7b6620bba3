"""Where randomness comes from: one integer a fit, and streams derived from it.

No global generator is read or written. The streams are independent of one another
(NumPy's `SeedSequence`), so that, say, more layers do not change the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_LAYERS, _ORDER, _HOLD_OUT = range(3)


def fit_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return the seed of a fit; a `RandomState` advances, None means fresh entropy."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state)


def layer_seeds(seed: int | None) -> Iterator[int]:
    """Yield a seed for each random part of a network, in the order of its layers."""
    sequence = np.random.SeedSequence(seed, spawn_key=(_LAYERS,))
    while True:
        (child,) = sequence.spawn(1)
        yield int(child.generate_state(1)[0] >> 1)  # 31 bits: a positive int32


def row_order(seed: int, epoch: int, n_rows: int, shuffle: bool) -> np.ndarray:
    """Return the order in which an epoch visits the rows, as int32 of shape (n_rows,)."""
    if not shuffle:
        return np.arange(n_rows, dtype=np.int32)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_ORDER, epoch)))
    return rng.permutation(np.arange(n_rows, dtype=np.int32))


def hold_out_seed(seed: int) -> int:
    """Return the seed of the split into training and validation rows."""
    sequence = np.random.SeedSequence(seed, spawn_key=(_HOLD_OUT,))
    return int(sequence.generate_state(1)[0])
