"""What skdl runs on, for reports of errors."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

from skdl._common.versions import version_of

# As pyproject.toml names them: what is needed, then what the extras for users bring.
_DEPENDENCIES = (
    "scikit-learn", "keras", "tensorflow", "scikeras", "numpy", "scipy", "pandas", "rich",
    "lazy_loader", "joblib",
)  # fmt: skip
_OPTIONAL = (
    "matplotlib", "openml", "skops", "onnx", "skl2onnx", "onnxruntime", "distributed",
)  # fmt: skip
# What decides how Keras and TensorFlow compute.
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "KERAS_BACKEND", "OMP_NUM_THREADS", "SKDL_XLA_CACHE",
    "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_XLA_FLAGS",
    "XLA_FLAGS",
)  # fmt: skip


def show_versions() -> None:
    """Print the versions of skdl, of Python and of the packages that skdl uses.

    Please include its output in bug reports. The versions are read without importing any package:
    neither TensorFlow nor Keras is loaded.

    See Also
    --------
    sklearn.show_versions : Prints the same for scikit-learn, with its thread pools.

    Examples
    --------
    >>> from skdl import show_versions
    >>> show_versions()
    System:
    ...
    Python dependencies:
    ...skdl: ...
    ...
    """
    sections: dict[str, dict[str, Any]] = {
        "System": {
            "python": sys.version.replace("\n", " "),
            "executable": sys.executable,
            "machine": platform.platform(),
            "cores": os.cpu_count(),
        },
        "Environment variables": {
            name: os.environ[name] for name in _VARIABLES if name in os.environ
        },
        "Python dependencies": {
            name: _version(name) for name in ("skdl", *_DEPENDENCIES, *_OPTIONAL)
        },
    }
    width = max(len(name) for values in sections.values() for name in values)
    shown = [
        "\n".join([f"{title}:", *(f"{name:>{width}}: {value}" for name, value in values.items())])
        for title, values in sections.items()
        if values
    ]
    print("\n\n".join(shown))


def _version(package: str) -> str | None:
    """Return the version of a package, None if it is not installed."""
    try:
        return version_of(package)
    except metadata.PackageNotFoundError:
        return None


show_versions.__module__ = "skdl"  # the public place
