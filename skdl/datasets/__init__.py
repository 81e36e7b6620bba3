"""Data sets, as scikit-learn users expect to get them.

Some come from where Keras and OpenML keep them; what was fetched once is found again without
a network. Others are folders of your own.
"""

from skdl._transformers.image_folder import load_image_folder
from skdl.datasets._images import fetch_fashion_mnist, fetch_mnist
from skdl.datasets._texts import fetch_imdb, fetch_reuters

__all__ = ["fetch_fashion_mnist", "fetch_imdb", "fetch_mnist", "fetch_reuters", "load_image_folder"]

for _name in __all__:  # the public place
    globals()[_name].__module__ = __name__
