"""The columns of a table, encoded, as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from skl2onnx.common.data_types import StringTensorType

from skdl._onnx.graph import Graph
from skdl._onnx.piecewise import add_encoder
from skdl._transformers.table_encoder import TableEncoder


def add_table(graph: Graph, encoder: TableEncoder, variables: list) -> str:
    """Return what an encoder makes of the inputs of a converter, in float32.

    Raises
    ------
    ValueError
        If a column holds dates, or other values in the model than in fit.
    """
    if "date" in encoder.kinds_:
        name = encoder.names_[encoder.kinds_.index("date")]
        raise ValueError(
            f"to_onnx cannot convert column {name!r}, which holds dates: ONNX has none. Turn dates "
            "into numbers before fit, such as (dates - dates.min()).dt.days."
        )
    wide = graph.of_dtype(np.float64)
    columns = list(_columns(graph, encoder, variables))
    blocks = []
    numbers = [value for value, _, kind in columns if kind == "number"]
    if numbers:
        for (_, is_text, kind), name in zip(columns, encoder.names_, strict=True):
            _check_kind(name, is_text and kind == "number", "numbers in fit, texts")
        joined = [wide.cast(value, np.float64) for value in numbers]
        x = joined[0] if len(joined) == 1 else wide("Concat", *joined, axis=1)
        assert encoder.numbers_ is not None  # of these columns
        blocks.append(wide.cast(add_encoder(wide, encoder.numbers_, x), np.float32))
    number = 0
    for position, (value, is_text, kind) in enumerate(columns):
        if kind != "category":
            continue
        name, as_numbers = encoder.names_[position], encoder.as_numbers_[position]
        _check_kind(name, is_text == as_numbers, "categories of another type in fit, others")
        values, encoded = _categories(encoder.categories_, number)
        if as_numbers:
            value = wide.cast(value, np.float64)
            blocks.append(wide.cast(_by_number(wide, value, values, encoded), np.float32))
        else:
            blocks.append(_by_text(graph, name, value, values, encoded.astype(np.float32)))
        number += 1
    return blocks[0] if len(blocks) == 1 else graph("Concat", *blocks, axis=1)


def _check_kind(name, differs, kinds):
    if differs:
        raise ValueError(
            f"to_onnx cannot convert column {name!r}: it held {kinds} in X. Give rows of the "
            "types that fit was given."
        )


def _columns(graph: Graph, encoder: TableEncoder, variables: list) -> Any:
    """Yield each column as a matrix of one column, whether it holds texts, and its kind."""
    for position, kind in enumerate(encoder.kinds_):
        if len(variables) == len(encoder.kinds_):
            variable = variables[position]
            value = variable.full_name
        else:
            (variable,) = variables
            value = graph("Gather", variable.full_name, np.array([position], np.int64), axis=1)
        yield value, isinstance(variable.type, StringTensorType), kind


def _categories(encoder, number):
    """Return the values of a column of categories, and the row of each and of unknown ones."""
    values = encoder.categories_[number]
    width = [
        len(found) if rare is None else len(found) - len(rare) + 1
        for found, rare in zip(encoder.categories_, encoder.infrequent_categories_, strict=True)
    ]
    rows = np.empty((len(values) + 1, len(width)), dtype=object)
    for column, found in enumerate(encoder.categories_):
        rows[:, column] = found[0]
    rows[:-1, number] = values
    # No category is infinite, as `TableEncoder` says; among texts none is this one.
    rows[-1, number] = np.inf if not isinstance(values[0], str) else "\0unknown"
    first = sum(width[:number])
    return values, encoder.transform(rows)[:, first : first + width[number]].astype(np.float64)


def _by_number(graph, value, values, encoded):
    known = [value for value in values.tolist() if value == value]
    equal = [graph.cast(graph("Equal", value, np.array(known)), np.float64)]
    if len(known) < len(values):  # the missing value is the last
        equal.append(graph.cast(graph("IsNaN", value), np.float64))
    equal = equal[0] if len(equal) == 1 else graph("Concat", *equal, axis=1)
    unknown = graph("Sub", 1.0, graph.reduced("ReduceSum", equal, 1))
    return graph("Add", graph("MatMul", equal, encoded[:-1]), graph("Mul", unknown, encoded[-1:]))


def _by_text(graph, name, value, values, encoded):
    texts = [value if isinstance(value, str) else "" for value in values.tolist()]
    if len(set(texts)) < len(texts):
        raise ValueError(
            f"to_onnx cannot convert column {name!r}: missing values are empty texts in ONNX, and "
            "the column holds empty texts as well. Replace these before fit."
        )
    codes = graph(
        "LabelEncoder", value, domain="ai.onnx.ml", keys_strings=texts,
        values_int64s=list(range(len(texts))), default_int64=len(texts),
    )  # fmt: skip
    return graph.reshaped(graph("Gather", encoded, codes, axis=0), -1, encoded.shape[1])
