"""Pictures of fitted estimators and searches.

An estimator, a search or images come in; matplotlib artists go out.
"""
