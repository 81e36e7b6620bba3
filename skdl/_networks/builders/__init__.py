"""Functions from shapes and parameters to Keras models, and the backbones they start from."""
