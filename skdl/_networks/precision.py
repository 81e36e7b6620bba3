"""Operations that TensorFlow has not for every type of numbers."""

from __future__ import annotations

import re

_LACKING = re.compile(r"bfloat16 is not in the list of allowed values.*?\{node (\w+)\}", re.DOTALL)


def check_bfloat16(error: Exception) -> None:
    """Raise a ValueError with the remedy where an error is that an operation lacks bfloat16."""
    found = _LACKING.search(str(error))
    if found is None:
        return
    use, remedy = "the network needs", ""
    if found[1] == "Qr":
        use = "orthogonal initial weights need, the default of LSTM and other recurrent layers"
        remedy = " or set recurrent_initializer='glorot_uniform' or another kernel_initializer"
    raise ValueError(
        f"dtype='bfloat16': TensorFlow cannot compute {found[1]} with such numbers, which {use}. "
        f"Use dtype='mixed_bfloat16', whose weights are float32{',' * bool(remedy)}{remedy}."
    ) from error
