"""Training and predicting: the only room that imports TensorFlow.

A `NetworkConfig` and `Rows` come in; a `Network`, trained, goes out. Whole epochs run as one
compiled program, shared by all networks that are configured alike.
"""
