"""TensorFlow's settings while a network is traced, trained or used."""

from __future__ import annotations

import skdl._networks.keras  # noqa: F401 - loads TensorFlow without its log lines
from skdl._common.settings import HeldSettings, Setting

import tensorflow as tf  # isort: skip
from tensorflow.python.eager.context import context  # isort: skip - its getters build all options

# What TensorFlow's graph optimizer leaves undone unless it is told to; all else it does.
_OFF = {
    "auto_mixed_precision",
    "auto_mixed_precision_mkl",
    "auto_mixed_precision_onednn_bfloat16",
    "debug_stripper",
    "disable_meta_optimizer",
    "disable_model_pruning",
    "pin_to_host_optimization",
    "scoped_allocator_optimization",
}

# Programs are graphs, which TensorFlow optimizes as it does by default.
tensorflow_settings = HeldSettings(
    Setting(tf.config.functions_run_eagerly, tf.config.run_functions_eagerly, lambda _: False),
    Setting(
        lambda: context()._optimizer_jit,
        tf.config.optimizer.set_jit,
        lambda theirs: theirs and False,
    ),
    Setting(
        lambda: dict(context()._optimizer_experimental_options),
        tf.config.optimizer.set_experimental_options,
        lambda theirs: {n: 0 if n == "min_graph_nodes" else n not in _OFF for n in theirs},
    ),
)
