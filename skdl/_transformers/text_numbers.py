"""Warns of columns of a table whose texts are numbers, and so are taken for categories."""

from __future__ import annotations

import re
import warnings

import pandas as pd

from skdl._common.caller import users_stacklevel

# A number as people and spreadsheets write it: with a currency or %, and groups of thousands.
_NUMBER = re.compile(r"[-+(]?\s*[$€£¥]?\s*[-+]?(\d{1,3}([ ,'.]\d{3})+|\d+)([.,]\d+)?\s*[%$€£¥)]*")
_DIGITS = re.compile(r"\d+")
# Fewer different values do as categories; codes that are digits throughout may be meant as such.
_FEWEST_VALUES, _MOST_LOOKED_AT, _SHARE = 20, 2000, 0.9


def warn_of_text_numbers(column: pd.Series) -> None:
    """Warn if a column of texts, which are taken for categories, rather holds numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return
    rows = column.iloc[:_MOST_LOOKED_AT]
    texts = list(dict.fromkeys(value.strip() for value in rows if isinstance(value, str)))
    numbers = [text for text in texts if _NUMBER.fullmatch(text)]
    if len(texts) < _FEWEST_VALUES or len(numbers) < _SHARE * len(texts):
        return
    others = [text for text in texts if not _NUMBER.fullmatch(text)]
    written = [text for text in numbers if not _DIGITS.fullmatch(text)]
    if not others and not written:
        return
    beside = f", with {others[0]!r} among them" if others else ""
    example = (written or numbers)[0]
    warnings.warn(
        f"Column {column.name!r} holds numbers as texts, such as {example!r}{beside}, which are "
        "taken for categories. Make numbers of them first, for instance with "
        "pandas.to_numeric(column, errors='coerce') after removing all signs but digits and the "
        "decimal point, or with na_values, thousands and decimal of pandas.read_csv. If they are "
        "categories, name the column in categorical_features.",
        UserWarning,
        stacklevel=users_stacklevel(),
    )
