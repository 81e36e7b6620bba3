"""scikit-learn estimators that are Keras networks."""

import lazy_loader as _lazy

__version__ = "0.1.0"

# Names resolve on first use, as the stub beside this file lists them, so that `import skdl`
# loads neither TensorFlow nor Keras.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
