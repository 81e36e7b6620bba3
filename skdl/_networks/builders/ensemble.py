"""Several dense networks on the same inputs as one network: the mean of their outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skdl._networks.builders.dense import build_dense, input_dtype

if TYPE_CHECKING:
    import keras


def build_dense_ensemble(
    input_shape: tuple[int, ...], *, n_members: int, seed: int | None = None, **arguments: Any
) -> keras.Model:
    """Build a network that is the mean of `n_members` dense networks, not yet compiled.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one sample, `(n_features,)`.
    n_members : int
        Number of networks.
    seed : int, default=None
        Of each of them; the weights of an ensemble come from fits of its members.
    **arguments : dict
        Those of `build_dense`.

    Returns
    -------
    keras.Model
        Its variables are those of the members, one after the other.
    """
    from skdl._networks.keras import keras

    dtype = input_dtype(arguments["dtype"])
    inputs = keras.Input(input_shape, dtype=dtype, name="inputs")
    outputs = []
    for number in range(1, n_members + 1):
        member = build_dense(input_shape, seed=seed, **arguments)
        member.name = f"member_{number}"
        outputs.append(member(inputs))
    mean = outputs[0]
    if n_members > 1:
        mean = keras.layers.Average(dtype=dtype, name="mean")(outputs)
    return keras.Model(inputs, mean, name="dense_ensemble")
