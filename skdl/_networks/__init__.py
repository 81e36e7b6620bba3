"""From shapes and hyperparameters to compiled Keras models.

Names, objects and functions of Keras come in; builders, recipes and `NetworkConfig` go out. The
room knows no data and trains nothing.
"""
