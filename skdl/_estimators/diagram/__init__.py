"""What a notebook shows of an estimator besides scikit-learn's diagram: its network."""
