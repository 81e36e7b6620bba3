"""The line of steps from X and y to a trained network."""
