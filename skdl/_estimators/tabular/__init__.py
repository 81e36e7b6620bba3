"""Estimators for tables as they come: columns of any type, an ensemble of small dense networks.

A table enters as `skdl._transformers.table_encoder` encodes it; each member walks the steps of
`skdl._estimators.fit` on its own rows; what comes out is the mean over the members.
"""
