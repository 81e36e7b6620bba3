"""The first call of a program that XLA compiles, or that TensorFlow finds stored by a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skdl._common import processes
from skdl._common.quiet import quiet_reading
from skdl._engine.compiled.template import Program, Template

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


def call_stored(
    template: Template, program_of: Callable[[], Program], call: Callable[[Program], Any]
) -> Any:
    """Call a program; store what is compiled by its first call.

    If the store cannot be read or written, which TensorFlow finds before the first training step,
    the program is traced and compiled anew without it.
    """
    program, cache = program_of(), processes.xla_cache
    if cache is None or program.was_called:
        return call(program)
    try:
        with quiet_reading():
            found = call(program)
    except tf.errors.OpError as error:
        if not cache.set_aside(error):
            raise
        template.forget_programs()
        program = program_of()
        found = call(program)
    program.was_called = True
    cache.collect()
    return found
