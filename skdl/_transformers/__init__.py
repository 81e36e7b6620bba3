"""Texts, images and files as rows of numbers.

Documents, pixels and paths come in; sparse rows of words, images or features of a backbone go
out.
"""
