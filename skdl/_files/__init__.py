"""Saved estimators: files of JSON and arrays that cannot run code.

An estimator comes in and a file goes out, and back; nothing in a file is believed before it is
checked.
"""
