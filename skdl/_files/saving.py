"""Whole estimators as files that hold only JSON and arrays: `save` and `load`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from io import BufferedReader
from typing import TYPE_CHECKING, Any

import numpy as np

from skdl._common.archive import ArchiveReader, write_archive, write_atomically
from skdl._common.loaded import loaded
from skdl._common.mistaken import check_is_object
from skdl._common.paths import checked_path
from skdl._common.versions import check_versions, version_of, versions_are_checked, versions_of
from skdl._files.arrays import check_contents, description_of, dtype_of, n_items
from skdl.exceptions import InvalidFileError, UnsupportedVersionError, UntrustedTypesError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_FORMAT = 1
_ABOUT, _TREE, _ARRAYS = "skdl.json", "estimator.json", "arrays.bin"
# As Python objects JSON takes up to thirty times its size.
_MAX_JSON = 32 * 2**20
_PACKAGES = ("skdl", "keras", "tensorflow", "scikit-learn", "numpy", "skops")


def save(estimator: BaseEstimator, path: str | os.PathLike) -> None:
    """Save an estimator as a single file that contains no code, only JSON and arrays.

    Parameters
    ----------
    estimator : estimator
        An estimator of skdl or scikit-learn, fitted or not: a network, a `Pipeline`, a
        `ColumnTransformer`, a search, or anything else that consists of such estimators. It is left
        unchanged.
    path : str or path-like
        Where to write the file. The folder must exist. An existing file of that name is replaced
        only after the new one has been written completely: after a crash, either the old or the new
        file is there, never a part of one.

    Raises
    ------
    TypeError
        If a part of the estimator cannot be saved, such as a lambda, in which case the message
        names it; or if the arguments are no estimator and path.
    OSError
        If there is no folder for the file, or `path` is one.
    ValueError
        If the JSON would be longer than the 32 MiB that `load` reads.
    ImportError
        If skops is not installed.

    See Also
    --------
    load : Loads the file.

    Notes
    -----
    The estimators of scikit-learn are written by skops [1]_. For a network, its builder with its
    arguments, the optimizer, loss and metrics are written as JSON, and its weights and the state of
    its optimizer as arrays, so that training can continue as if it had not been saved.

    An object that occurs at two places of the estimator is loaded as two equal objects, except for
    arrays and networks. The cache of a `PretrainedFeatureExtractor` is not saved: after loading, it
    computes all features anew.

    The file is a zip file, whose members can be read with the usual tools.

    References
    ----------
    .. [1] skops: ship scikit-learn based models to production. https://skops.readthedocs.io

    Examples
    --------
    >>> import os, tempfile
    >>> import skdl
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> net = make_pipeline(StandardScaler(), skdl.DenseClassifier(random_state=0)).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skdl.save(net, os.path.join(folder, "iris.skdl"))
    ...     loaded = skdl.load(os.path.join(folder, "iris.skdl"))
    >>> bool((loaded.predict_proba(X) == net.predict_proba(X)).all())
    True
    """
    _need_skops("save")
    if isinstance(estimator, str | os.PathLike):
        raise TypeError(
            f"estimator must be an estimator, received the path {os.fspath(estimator)!r}. The "
            "order is skdl.save(estimator, path)."
        )
    check_is_object(estimator)
    target = checked_path(path, "skdl.save(estimator, path)")
    if target.is_dir():
        raise IsADirectoryError(
            f"path={os.fspath(path)!r} is a folder. Give the path of a file in it, such as "
            f"{os.path.join(os.fspath(path), 'net.skdl')!r}."
        )
    folder = target.resolve().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"path={os.fspath(path)!r}: there is no folder {os.fspath(folder)!r}. Make it first, "
            "for instance with os.makedirs."
        )
    from skdl._files.estimator_tree import TreeWriter

    writer = TreeWriter()
    tree = writer.write(estimator)
    arrays = writer.encoder.arrays
    about = {
        "format": _FORMAT,
        "versions": versions_of(*_PACKAGES),
        "arrays": [_described(array) for array in arrays],
        "parts": writer.parts,
    }
    documents = {name: _as_json(value) for name, value in ((_ABOUT, about), (_TREE, tree))}
    for name, text in documents.items():
        if len(text) > _MAX_JSON:
            raise ValueError(
                f"{type(estimator).__name__} cannot be saved: {name} would have {len(text)} bytes, "
                f"more than the {_MAX_JSON} that are read. Use joblib.dump instead."
            )
    members = [(name, [text]) for name, text in documents.items()]
    write_atomically(target, lambda f: write_archive(f, [*members, (_ARRAYS, _Buffers(arrays))]))


def load(path: str | os.PathLike, *, trusted: Sequence[str | type | Callable] = ()) -> Any:
    """Load an estimator that `save` wrote, without running any code from the file.

    Loading a file from a stranger runs none of their code. It takes at most as much memory as the
    size of the file plus thirty times the size of its JSON, of which no more than 64 MiB are read.
    The model may still be a bad one, be slow, or fail when it is used.

    Parameters
    ----------
    path : str or path-like
        The file to load.
    trusted : sequence of str, class or function, default=()
        Classes and functions that the file may contain in addition to those that skdl knows to be
        harmless, such as your own: either the objects themselves or their names, such as
        "my_module.MyTransformer". A file can then call them with any arguments, and their modules
        are imported.

    Returns
    -------
    estimator : estimator
        The estimator as it was saved: its predictions are the same, and training continues as it
        would have.

    Raises
    ------
    skdl.exceptions.UntrustedTypesError
        If the file contains classes or functions that are neither known nor trusted; the message
        lists all of them. None of them is imported.
    skdl.exceptions.InvalidFileError
        If the file was not written by `save`, or was truncated or changed afterwards.
    skdl.exceptions.UnsupportedVersionError
        If the file was written by versions of skdl, Keras or scikit-learn that the installed ones
        cannot read.
    ImportError
        If skops is not installed.

    Warns
    -----
    skdl.exceptions.VersionWarning
        If the file was written by other versions of them; the message names the versions.

    See Also
    --------
    save : Writes the file.

    Notes
    -----
    Known are the estimators of skdl, those of scikit-learn that have been reviewed (scaling,
    encoding, imputing, pipelines, linear models, ensembles of these, searches: the guide lists
    them), the objects that searches and pipelines contain (splitters, scorers, the scores of
    `sklearn.metrics`, numerical functions of NumPy and SciPy), and Keras's optimizers, losses,
    metrics, initializers, regularizers, activations and those layers that only compute. Whatever
    compiled code relies on among their attributes, such as the columns of a vocabulary, is checked.

    Lambda layers, custom objects (even if they are registered with Keras) and all other classes and
    functions have to be trusted, and are then not checked. This includes trees, nearest neighbors
    and support vector machines with kernels: the compiled code of `RandomForestClassifier`,
    `KNeighborsClassifier` or `SVC` does not check its input, and a forged file could make `predict`
    read or write any memory.

    Parameters that are paths, such as `memory` and `checkpoint`, also come from the file. `fit`
    reads and writes there; check them before you fit again. The parameters of scikit-learn's
    estimators are checked as `fit` would check them.

    Pickle files, including those of joblib, run code when they are loaded. Load only your own.

    Examples
    --------
    >>> import os, tempfile, textwrap
    >>> import skdl
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "function.skdl")
    >>> skdl.save(FunctionTransformer(textwrap.dedent), path)
    >>> try:
    ...     skdl.load(path)
    ... except skdl.exceptions.UntrustedTypesError as error:
    ...     print(error.names)
    ['textwrap.dedent']
    >>> skdl.load(path, trusted=[textwrap.dedent])
    FunctionTransformer(func=<function dedent at ...>)
    >>> folder.cleanup()
    """
    _need_skops("load")
    if isinstance(trusted, str | bytes | bool):
        raise TypeError(
            "trusted must be a sequence of names, classes or functions, such as "
            f"['my_module.MyTransformer'], received trusted={trusted!r}."
        )
    source = checked_path(path, "skdl.load(path)")
    names = {_trusted_name(entry) for entry in trusted}
    with open(source, "rb") as file:
        try:
            return _load(file, os.fspath(path), names)
        except (UntrustedTypesError, UnsupportedVersionError, Warning):
            raise
        except Exception as error:  # what checks, NumPy, Keras or TensorFlow say of a made-up file
            kind = "" if isinstance(error, InvalidFileError) else f"{type(error).__name__}: "
            raise InvalidFileError(
                f"{os.fspath(path)!r} is no file that skdl.save wrote, or it is damaged: "
                f"{kind}{str(error)[:500]}. {_other_reader(file) or 'Save the estimator again.'}"
            ) from error


def _other_reader(file: BufferedReader) -> str:
    """Return which function reads a file of another kind, as its first bytes tell; "" if none."""
    file.seek(0)
    start = file.read(4096)
    if start[:1] == b"\x80":
        return "It looks like a pickle, which joblib.load or pickle.load reads; it may run code."
    if start[:4] == b"PK\x03\x04" and start[30:43] == b"metadata.json":
        return "It looks like a file of Keras, which keras.saving.load_model reads."
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return "It looks like an HDF5 file, which keras.saving.load_model may read."
    return ""


def _load(file: BufferedReader, path: str, trusted: set[str]) -> Any:
    from skdl._files.estimator_tree import TreeReader
    from skdl._files.parts import PartDecoder

    reader = ArchiveReader(file)
    about = json.loads(reader.read(_ABOUT, _MAX_JSON))
    if about["format"] != _FORMAT:
        raise UnsupportedVersionError(
            f"{path!r} is of format {about['format']!r}, but skdl {version_of('skdl')} reads "
            f"format {_FORMAT}. Load it with skdl {about['versions']['skdl']}."
        )
    parts = about["parts"]
    tree = TreeReader(json.loads(reader.read(_TREE, _MAX_JSON)), len(parts), trusted)
    decoder = PartDecoder([], trusted)
    unknown = sorted({*tree.check(), *decoder.check(parts)})
    if unknown:
        raise UntrustedTypesError(_refusal(path, unknown), unknown)
    decoder.arrays = list(_read_arrays(reader, about["arrays"]))
    reader.finish()
    check_versions(about["versions"], repr(path), stacklevel=4)
    with versions_are_checked():
        made = [decoder.decode(part) for part in parts]
        with _no_draws_by_keras():
            return tree.build(made)


def _no_draws_by_keras() -> AbstractContextManager[None]:
    """Keep Python's generator as it is; where nothing has loaded Keras, nothing of it is made."""
    if loaded("keras") is None:
        return nullcontext()
    from skdl._networks.default_seeds import own_default_seeds

    return own_default_seeds()


def _refusal(path, unknown):
    from skdl._files.known import reason_for

    why = [f" {name}: {reason}." for name in unknown if (reason := reason_for(name))]
    return (
        f"{path!r} holds what skdl does not know to be harmless: {unknown}.{''.join(why)} If you "
        f"know who made the file and what these do, pass trusted={unknown} to skdl.load."
    )


def _trusted_name(entry):
    if isinstance(entry, str):
        return entry
    if hasattr(entry, "__module__") and hasattr(entry, "__qualname__"):
        return f"{entry.__module__}.{entry.__qualname__}"
    raise TypeError(f"trusted must hold names, classes or functions, received {entry!r}.")


def _need_skops(caller: str) -> None:
    try:
        import skops.io  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"skdl.{caller} needs skops. Install it with pip install 'skdl[save]'."
        ) from error


def _as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class _Buffers:
    """The bytes of arrays, one after the other."""

    def __init__(self, arrays: list[np.ndarray]):
        self._arrays = arrays

    def __iter__(self) -> Iterator[memoryview]:
        for array in self._arrays:
            flat = array.reshape(-1, order="F" if _is_by_columns(array) else "C")
            yield np.ascontiguousarray(flat).view(np.uint8).data


def _is_by_columns(array: np.ndarray) -> bool:
    return array.flags.f_contiguous and not array.flags.c_contiguous


def _described(array: np.ndarray) -> list:
    """Return what makes an array of bytes again: dtype, shape, order in memory."""
    order = "F" if _is_by_columns(array) else "C"
    return [description_of(array.dtype), list(array.shape), order]


def _read_arrays(reader: ArchiveReader, described: list) -> Iterator[np.ndarray]:
    """Yield the arrays; together they must take the size of their member to the byte."""
    dtypes = [dtype_of(each[0]) for each in described]
    n_bytes = 0
    for dtype, (_, shape, _) in zip(dtypes, described, strict=True):
        n_bytes += dtype.itemsize * n_items(shape)
    if reader.open(_ARRAYS) != n_bytes:
        raise InvalidFileError(f"its arrays should take {n_bytes} bytes, which is not their size")
    for dtype, (_, shape, order) in zip(dtypes, described, strict=True):
        buffer = np.empty(dtype.itemsize * n_items(shape), np.uint8)
        reader.read_into(buffer.data)
        array = buffer.view(dtype).reshape(shape, order="F" if order == "F" else "C")
        check_contents(array)
        yield array
    reader.close()


save.__module__ = load.__module__ = "skdl"
