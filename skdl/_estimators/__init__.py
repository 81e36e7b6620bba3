"""The estimators: from X and y to a trained network, and from its outputs to predictions.

X and y come in as users give them, are checked, encoded and handed to the engine; what it gives
back becomes the fitted attributes.
"""
