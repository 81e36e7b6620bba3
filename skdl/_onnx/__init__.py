"""Fitted estimators and pipelines as ONNX models, through skl2onnx.

An estimator and rows of its X come in; one model, checked against its predictions, goes out.
"""
