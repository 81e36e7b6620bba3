"""Hypothesis strategies: parameters from declared constraints, and inputs of every odd kind."""

from numbers import Integral

import keras
import numpy as np
import pandas as pd
import scipy.sparse
from hypothesis import strategies as st
from sklearn.utils._param_validation import HasMethods, Interval, Options

N_ROWS, N_COLUMNS = 24, 16
LABELS = np.array(["a", "b", "c"])[np.arange(N_ROWS) % 3]
TEXTS = [f"{first} film with word{i % 5}" for i, first in enumerate(["good", "bad", "odd"] * 8)]
# What makes a network large or a fit long is kept small; nothing else is.
_FEW = {
    "epochs": st.sampled_from([1, 1, 1, 2, np.int64(2), 6]),
    "batch_size": st.sampled_from([1, 5, 8, 24, 25, 10**9, np.int32(8)]),
    "max_words": st.sampled_from([1, 2, 3, 10, 300, np.int64(20)]),
    "patience": st.sampled_from([1, 2, 10**9]),
    "n_members": st.sampled_from([1, 2, 6]),
    "n_jobs": st.sampled_from([None, 1, 2]),
    "checkpoint": st.none(),  # would write files; has tests of its own
    "checkpoint_every": st.sampled_from([1, 2]),
}
_NAMES = {
    "activation": [n for n in dir(keras.activations) if n[0].islower()],
    "output_activation": ["auto", *(n for n in dir(keras.activations) if n[0].islower())],
    "kernel_initializer": [n for n in dir(keras.initializers) if n[0].islower()] + ["HeNormal"],
    "loss": ["auto", *(n for n in dir(keras.losses) if n[0] != "_")],
    "optimizer": [n for n in dir(keras.optimizers) if n[0] != "_"] + ["SGD", "adam", "rmsprop"],
    "metrics": ["accuracy", "acc", *(n for n in dir(keras.metrics) if n[0] != "_")],
    "callbacks": ["TerminateOnNaN", "EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"],
    "padding": ["valid", "same", "full"],
    "token_pattern": [r"(?u)\b\w\w+\b", r"\w+", "", "(", r"(a)(b)"],
    "encoding": ["utf-8", "latin-1", "utf-16", "no-such"],
}
_OBJECTS = {
    "activation": [lambda: keras.activations.tanh, lambda: keras.layers.LeakyReLU(0.1),
                   lambda: len],
    "output_activation": [
        lambda: keras.activations.softplus, lambda: keras.layers.ReLU(), lambda: len,
    ],
    "kernel_initializer": [
        lambda: keras.initializers.HeNormal(seed=1), lambda: keras.initializers.Ones,
        lambda: print,
    ],
    "loss": [
        lambda: keras.losses.Huber(0.3), lambda: keras.losses.Huber, lambda: len,
        lambda: keras.losses.mean_absolute_error,
        lambda: lambda y_true, y_pred: keras.ops.mean((y_true - y_pred) ** 2, axis=-1),
    ],
    "optimizer": [
        lambda: keras.optimizers.SGD(0.01, momentum=0.9), lambda: keras.layers.Dense(3),
        lambda: keras.optimizers.Adam(use_ema=True), lambda: keras.optimizers.Nadam(1e30),
    ],
    "metrics": [
        lambda: keras.metrics.AUC(), lambda: keras.losses.mean_absolute_error,
        lambda: keras.metrics.AUC, lambda: len,
    ],
    "callbacks": [
        lambda: keras.callbacks.EarlyStopping("loss", patience=1), lambda: keras.callbacks.History,
        lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
    ],
    "analyzer": [lambda: str.split], "tokenizer": [lambda: str.split, lambda: list],
    "preprocessor": [lambda: str.upper], "strip_accents": [lambda: str.lower],
}  # fmt: skip
_DICTS = {
    "activation": [{"class_name": "ReLU", "config": {}}],
    "output_activation": [{"class_name": "ReLU", "config": {}}],
    "optimizer": [{"class_name": "Adam", "config": {"learning_rate": 0.1}}],
    "loss": [{"class_name": "Huber", "config": {"delta": 0.1}}],
    "class_weight": [{"a": 2.0}, {"a": 0, "b": 0, "c": 0}, {"z": 1.0}, {"a": -1}, {"a": "b"}],
    "augmentation": [
        {"flip": "horizontal"}, {"rotation": 0.1, "zoom": 0.1}, {"shear": 0.2}, {"flip": 3},
        {"translation": "far"}, {"zoom": {"height_factor": 0.2}}, {"rotation": 1e9},
    ],
    "word_index": [{"good": 1, "bad": 2}, {"good": 0}, {"good": 1, "bad": 1}, {1: 1}, {"x": "y"}],
}  # fmt: skip
_SIZES = st.one_of(
    st.lists(st.integers(1, 4), max_size=3).map(tuple),
    st.lists(st.integers(1, 4), min_size=1, max_size=2).map(np.array),
    st.sampled_from([[], [0], [-1], ["a"], [2.5], [None], [[2, 2]], [(1, 2), 1], [True], [1e300]]),
)
_ARRAYS = {
    "metrics": st.lists(st.sampled_from(_NAMES["metrics"]), max_size=2),
    "callbacks": st.lists(st.sampled_from(_NAMES["callbacks"]), max_size=2),
    "padding": st.lists(st.sampled_from(_NAMES["padding"]), max_size=3),
    "conv_dropout": st.lists(st.sampled_from([0.0, 0.5, 0.99, 1.0, -1, "x"]), max_size=3),
    "categorical_features": st.sampled_from([[0], [-1], [99], ["x"], [True] * 16, [], [[0]]]),
    "image_shape": st.sampled_from([(4, 4), (4, 4, 1), (2, 8), (16,), (4, 4, 2), ("a", 4), (0, 4)]),
}
_NGRAMS = st.sampled_from([(1, 1), (1, 2), (2, 2), (2, 1), (0, 1), (1,), ("a", "b"), (1, 2, 3)])


def _in_interval(constraint):
    low, high = constraint.left, constraint.right
    if constraint.type is Integral:
        low = 0 if low is None else low + (constraint.closed in {"right", "neither"})
        near = low + 3 if high is None else min(high, low + 3)
        return st.integers(int(low), int(near))
    low, high = 0.0 if low is None else low, 1e300 if high is None else high
    found = [low, high, (low + min(high, 1)) / 2, 0.1, 1e-3, 1e-300, 1e-45, 1e30, np.float32(0.25)]
    return st.sampled_from([value for value in found if value in constraint])


def values_of(name, constraint):
    """Return a strategy for the values that one constraint of a parameter allows, and near it."""
    if constraint is None:
        return st.none()
    if isinstance(constraint, Interval):
        return _in_interval(constraint)
    if isinstance(constraint, Options):
        return st.sampled_from(sorted(constraint.options, key=str))
    if constraint is str:
        return st.sampled_from([*_NAMES.get(name, ["a"]), "no such", ""])
    if constraint is dict:
        return st.sampled_from([{}, {"class_name": "Nothing", "config": {}}, *_DICTS.get(name, [])])
    if constraint is callable or isinstance(constraint, HasMethods):
        return st.sampled_from(_OBJECTS.get(name, [lambda: len])).map(lambda make: make())
    if constraint == "array-like":
        return _ARRAYS.get(name, _SIZES)
    if constraint == "boolean":
        return st.sampled_from([True, False, np.True_])
    if constraint == "random_state":
        return st.sampled_from([0, 2**32 - 1, None]) | st.builds(np.random.RandomState, st.just(1))
    if constraint == "verbose":
        return st.sampled_from([0, False])
    if constraint in (tuple, list):
        return (_NGRAMS if name == "ngram_range" else st.just(["good"])).map(constraint)
    raise LookupError(f"{name} has a constraint that the properties do not know: {constraint!r}")


def parameters(cls, fixed=()):
    """Return a strategy for some parameters of an estimator, with values that it declares."""
    each = {
        name: _FEW[name] if name in _FEW else st.one_of([values_of(name, c) for c in constraints])
        for name, constraints in cls._parameter_constraints.items()
        if name not in fixed and name != "verbose"
    }
    names = st.lists(st.sampled_from(sorted(each)), min_size=1, max_size=4, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({n: each[n] for n in chosen}))


def rows(n_rows=N_ROWS, n_columns=N_COLUMNS):
    """Return inputs that any estimator on tables takes."""
    X = np.random.default_rng(0).integers(0, 5, (n_rows, n_columns)).astype(float)
    X[:, :3] += 3 * np.eye(3)[np.arange(n_rows) % 3]
    return X


def _put(value, dtype=float):
    def change(X):
        X = X.astype(dtype)
        X[2, 3] = value
        return X

    return change


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _strided(X):
    wide = np.zeros((2 * len(X), 3 * X.shape[1]))
    wide[::2, ::3] = X
    return wide[::2, ::3]


def _wide_indices(X, kind="csr"):
    X = getattr(scipy.sparse, f"{kind}_array")(X)
    for name in ("indices", "indptr", "offsets"):
        if hasattr(X, name):
            setattr(X, name, getattr(X, name).astype(np.int64))
    return X


def _disorderly(X):
    """Return a CSR array with explicit zeros, doubled entries and columns out of order."""
    n, k = X.shape
    columns = np.tile(np.r_[np.arange(k)[::-1], np.arange(k)], n)
    values = np.hstack([X[:, ::-1], np.zeros_like(X)]).ravel()
    return scipy.sparse.csr_array((values, columns, 2 * k * np.arange(n + 1)), shape=X.shape)


# The same numbers in other clothes: every estimator must take them and give the same results.
SAME = {
    "fortran": np.asfortranarray,
    "read-only": _read_only,
    "strided": _strided,
    "backwards": lambda X: X[::-1].copy()[::-1],
    "int8": lambda X: X.astype(np.int8),
    "float16": lambda X: X.astype(np.float16),
    "big-endian": lambda X: X.astype(">f8"),
    "long double": lambda X: X.astype(np.longdouble),
    "list": lambda X: X.tolist(),
    "frame": lambda X: pd.DataFrame(X).rename(columns=str),
    "nullable frame": lambda X: pd.DataFrame(X).rename(columns=str).convert_dtypes(),
    "objects": lambda X: X.astype(object),
    "read-only objects": lambda X: _read_only(X.astype(object)),
}
SAME_SPARSE = {
    **{
        kind: lambda X, kind=kind: getattr(scipy.sparse, f"{kind}_array")(X)
        for kind in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
    },
    "csr_matrix": scipy.sparse.csr_matrix,
    "csr 64": _wide_indices,
    "csc 64": lambda X: _wide_indices(X, "csc"),
    "bsr 64": lambda X: _wide_indices(X, "bsr"),
    "disorderly": _disorderly,
    "integers": lambda X: scipy.sparse.csr_array(X.astype(np.int64)),
    "float16": lambda X: scipy.sparse.csr_array(X.astype(np.float32)),
}
BAD = {
    "nan": _put(np.nan),
    "inf": _put(np.inf),
    "beyond float32": _put(1e300),
    "nearly beyond float32": _put(3e38),
    "tiny": lambda X: X * 1e-320,
    "no rows": lambda X: X[:0],
    "no columns": lambda X: X[:, :0],
    "one row": lambda X: X[:1],
    "one column": lambda X: X[:, :1],
    "a vector": lambda X: X[:, 0],
    "a number": lambda X: 3.0,
    "three dimensions": lambda X: X.reshape(len(X), 4, -1),
    "five dimensions": lambda X: X.reshape(len(X), 2, 2, 2, -1),
    "mixed": _put("word", object),
    "none": _put(None, object),
    "lists inside": _put([1, 2], object),
    "strings": lambda X: X.astype(str),
    "complex": lambda X: X + 1j,
    "dates": lambda X: X.astype("datetime64[D]"),
    "spans": lambda X: X.astype("timedelta64[s]"),
    "ragged": lambda X: [row[: 3 + i % 2] for i, row in enumerate(X.tolist())],
    "a word": lambda X: "word",
    "nothing": lambda X: None,
    "a dict": lambda X: {"x": X},
    "an iterator": lambda X: iter(X.tolist()),
    "categories": lambda X: pd.DataFrame(X.astype(int)).rename(columns=str).astype("category"),
    "missing": lambda X: pd.DataFrame(X).rename(columns=str).convert_dtypes().replace(3, pd.NA),
    "no names": lambda X: pd.DataFrame(X, columns=[*range(8), *"abcdefgh"][: X.shape[1]]),
    "masked": lambda X: np.ma.masked_equal(X, 3),
    "records": lambda X: np.zeros(len(X), [("x", float), ("y", int)]),
    "sparse nan": lambda X: scipy.sparse.csr_array(_put(np.nan)(X)),
    "sparse no rows": lambda X: scipy.sparse.csr_array((0, X.shape[1])),
    "sparse all zero": lambda X: scipy.sparse.csr_array(X.shape),
    "sparse complex": lambda X: scipy.sparse.csr_array(X + 1j),
    "sparse vector": lambda X: scipy.sparse.coo_array(X[:, 0]),
    "huge integers": lambda X: (X.astype(int).astype(object) + 1) * 10**400,
    "uint64": lambda X: X.astype(np.uint64) + np.uint64(2**63),
}
TARGETS = {
    "labels": lambda n: LABELS[np.arange(n) % N_ROWS],
    "integers": lambda n: np.arange(n) % 3,
    "two": lambda n: np.arange(n) % 2 == 0,
    "values": lambda n: np.linspace(0, 1, n),
    "one class": np.zeros,
    "nan": lambda n: np.r_[np.arange(n - 1) % 3, np.nan] if n else np.zeros(0),
    "inf": lambda n: np.r_[np.arange(n - 1) % 3, np.inf] if n else np.zeros(0),
    "huge": lambda n: 1e300 * np.arange(n),
    "huge integers": lambda n: np.array([2**70, 3, 5] * n, object)[:n],
    "too few": lambda n: np.arange(max(n - 1, 0)) % 3,
    "column": lambda n: (np.arange(n) % 3)[:, None],
    "two columns": lambda n: np.c_[np.arange(n), -np.arange(n)] / 7,
    "several labels": lambda n: np.c_[np.arange(n) % 2, np.arange(n) % 3 == 0].astype(int),
    "sparse labels": lambda n: scipy.sparse.csr_array(np.eye(n, 3, dtype=int)),
    "all of them": np.arange,
    "mixed": lambda n: np.array(["a", 1, None] * n, object)[:n],
    "missing": lambda n: pd.Series(["a", "b", None] * n).head(n),
    "nullable": lambda n: pd.Series([1, 2, 3] * n, dtype="Int64").head(n),
    "categories": lambda n: pd.Series(["a", "b", "c"] * n, dtype="category").head(n),
    "bytes": lambda n: np.array([b"a", b"b"] * n)[:n],
    "cube": lambda n: np.zeros((n, 2, 2)),
    "complex": lambda n: np.arange(n) + 1j,
    "dates": lambda n: np.arange(n).astype("datetime64[D]"),
    "nothing": lambda n: None,
    "lists": lambda n: [[1, 2], [3]] * (n // 2),
}
WEIGHTS = {
    "none": lambda n: None,
    "ones": np.ones,
    "zeros": np.zeros,
    "one zero": lambda n: np.r_[0.0, np.ones(max(n - 1, 0))],
    "negative": lambda n: -np.ones(n),
    "nan": lambda n: np.full(n, np.nan),
    "inf": lambda n: np.full(n, np.inf),
    "huge": lambda n: np.full(n, 1e308),
    "tiny": lambda n: np.full(n, 1e-320),
    "of all sizes": lambda n: np.logspace(-300, 300, n),
    "too few": lambda n: np.ones(max(n - 1, 0)),
    "two columns": lambda n: np.ones((n, 2)),
    "words": lambda n: np.array(["a"] * n),
    "a number": lambda n: 2.0,
    "booleans": lambda n: np.arange(n) % 2 == 0,
}
