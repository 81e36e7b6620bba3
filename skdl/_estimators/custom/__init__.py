"""`KerasClassifier` and `KerasRegressor`: estimators over the user's own network."""
