"""Files changed everywhere, each loaded and used in a process of its own.

`python tests/files/mutations.py [NAME ...] [EVERY]` prints, for the named classes or for all, what
became of the changed files, of each or of every so many; with `--networks` of three networks. A
process that was killed is an error. All take some hour and a half, and belong before a release.
"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from copy import deepcopy
from itertools import islice
from math import prod
from pathlib import Path

if __name__ == "__main__":
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # no threads, so that a fork has all that there is
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from forged_files import forged, members_of

SECONDS, MEGABYTES = 30, 1500
# What an index, a size, a count or a position may be put to.
WHOLE = (-1, 0, 1, 7, 5 * 10**8, -(5 * 10**8), 2**31 - 1, 2**62)
REAL = (-1.0, 0.5, 1e300, float("nan"), float("inf"))


def places(value, path=()):
    """Yield the place of everything in JSON, and what is there."""
    yield path, value
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def put(document, path, value):
    """Return a copy of JSON with another value at a place, or without it if that is None."""
    if not path:
        return value
    document = deepcopy(document)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


def changed_json(document):
    """Yield JSON with one number, text or container changed; numbers within texts of skops too."""
    for path, value in places(document):
        if type(value) is int:
            others = [n for n in WHOLE if n != value] + [value + 1, 0.5, "x", None]
        elif type(value) is float:
            others = [*REAL, 2**62]
        elif isinstance(value, str) and path and path[-1] == "content":
            try:
                inner = json.loads(value)
            except ValueError:
                continue
            if type(inner) is int:
                others = [json.dumps(n) for n in (*WHOLE, inner + 1, 0.5, "x", None)]
            elif type(inner) is float:
                others = [json.dumps(n) for n in (*REAL, 2**62)]
            elif type(inner) is bool:
                others = [json.dumps(not inner), "2", "null"]
            else:
                others = ["1000000000", "null", '"x"', "-1"]
        elif isinstance(value, list) and value:
            others = [value[:-1], [*value, value[-1]], value[::-1], []]
        elif isinstance(value, dict) and len(value) > 1 and "__loader__" not in value:
            first, *_, last = value
            others = [
                {k: v for k, v in value.items() if k != last},
                {**value, first: value[last], last: value[first]},
            ]
        else:
            continue
        for other in others:
            if other != value:
                yield put(document, path, other)


def changed_arrays(about, arrays):
    """Yield descriptions of arrays and their bytes with one array changed."""
    start = 0
    for number, (dtype, shape, order) in enumerate(about["arrays"]):
        kind = np.lib.format.descr_to_dtype(
            dtype if isinstance(dtype, str) else [*map(tuple, dtype)]
        )
        size = kind.itemsize * prod(shape)
        array = np.frombuffer(arrays[start : start + size], kind)
        for other, other_shape in others_of(array, shape):
            described = deepcopy(about)
            described["arrays"][number] = [
                np.lib.format.dtype_to_descr(other.dtype),
                other_shape,
                order,
            ]
            yield described, arrays[:start] + other.tobytes() + arrays[start + size :]
        start += size


def others_of(array, shape):
    """Yield other arrays in the place of one, with their shapes."""
    for value in (*WHOLE, *REAL):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                filled = np.full(array.shape, value).astype(array.dtype)
            except (ValueError, OverflowError):
                continue
        yield filled, shape
        if array.size > 1 and array.dtype.kind in "biuf":
            last = array.copy()
            last[-1] = filled[-1]
            yield last, shape
            first = array.copy()
            first[0] = filled[0]
            yield first, shape
    if array.dtype.kind in "iuf":
        shift = np.zeros_like(array)
        if array.size > 1:  # the sum stays the same
            shift[0], shift[-1] = 5 * 10**8, -(5 * 10**8) if array.dtype.kind != "u" else 0
            with np.errstate(all="ignore"):
                yield array + shift, shape
        for dtype in ("<i8", "<i4", "<f8", "<f4", "|b1"):
            with np.errstate(all="ignore"):
                yield array.astype(dtype), shape
    yield np.full(array.nbytes, 255, np.uint8).view(array.dtype), shape
    yield array[::-1].copy(), shape
    yield array[:-1].copy(), [max(array.size - 1, 0)]
    yield array[:0].copy(), [0, *shape[1:]] if shape else [0]
    yield array.copy(), [1, *shape]
    yield np.concatenate([array, array]), [2, *shape]
    if shape:
        yield np.concatenate([array, array]), [2 * shape[0], *shape[1:]]
    if len(shape) == 2:
        yield array.copy(), shape[::-1]
        yield array.copy(), [array.size]


def mutations(members):
    """Yield the members of changed files."""
    about, tree, arrays = members
    for part, value in enumerate(about["parts"]):
        for changed in changed_json(value):
            yield put(about, ("parts", part), changed), tree, arrays
    for changed in changed_json(tree):
        yield about, changed, arrays
    for described, changed in changed_arrays(about, arrays):
        yield described, tree, changed


def use(path, X, y):
    """Load a file and use all of what is in it; return what became of it."""
    import skdl

    try:
        estimator = skdl.load(path)
    except skdl.exceptions.InvalidFileError as error:
        return "memory" if isinstance(error.__cause__, MemoryError) else "refused"
    except skdl.exceptions.UntrustedTypesError:
        return "refused"
    outcome = "result"
    transformed = None
    for name in ("transform", "predict", "predict_proba", "decision_function", "score",
                 "inverse_transform", "partial_fit", "fit"):  # fmt: skip
        if name == "fit" and not getattr(estimator, "warm_start", False):
            continue
        try:
            method = getattr(estimator, name)
            if name in ("score", "partial_fit", "fit"):
                made = method(X, y) if y is not None else method(X)
            else:
                made = method(X if name != "inverse_transform" else transformed)
            if name == "transform":
                transformed = made
            if hasattr(made, "toarray") and prod(made.shape) < 10**6:
                made.toarray()  # which writes where the indices say
        except AttributeError:
            pass
        except Exception:  # whatever Python says
            outcome = "error"
    return outcome


def in_own_process(work):
    """Yield what a generator of texts yields in a process of its own with bounded memory.

    Where that process is killed, or takes too long for one text, that is said in the text's place,
    and nothing more comes.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            with open("/proc/self/statm") as file:
                now = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (now + MEGABYTES * 2**20,) * 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            warnings.simplefilter("ignore")
            for text in work:
                os.write(writing, text.encode() + b"\n")
            os.write(writing, b"end\n")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as file:
        while True:
            ready, _, _ = select.select([file], [], [], SECONDS)
            line = file.readline().decode().strip() if ready else "too long"
            if line in ("end", "too long", ""):
                break
            yield line
    if line == "too long":
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if line != "end":
        yield line or (f"killed by {signal.Signals(status).name}" if status else "no answer")


FINE = ("refused", "error", "result")


def tried(estimator, X, y, every=1, start=0):
    """Save an estimator and use its changed files; return what became of how many, and the bad."""
    import skdl

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "changed.skdl"
        skdl.save(estimator, path)
        members = members_of(path)

        def outcomes(begin):
            if not begin:
                yield use(path, X, y)
                begin = 1
            for changed in islice(mutations(members), start + (begin - 1) * every, None, every):
                yield use(forged(path, *changed), X, y)

        found = []
        while True:
            before = len(found)
            found += in_own_process(outcomes(before))
            if len(found) == before or found[-1] in FINE:
                break
    assert found[0] in ("result", "error"), (type(estimator), found[0])
    bad = [(start + (n - 1) * every, each) for n, each in enumerate(found) if each not in FINE]
    return Counter(each if each in FINE else "bad" for each in found[1:]), bad


def main(names, every=1):
    """Try the fitted estimators of some classes, or of all; print and count what is bad."""
    import skops.io  # noqa: F401
    from fitted_estimators import fitted_estimators

    import skdl._files.estimator_tree  # noqa: F401

    n_bad = 0
    for number, (estimator, X, y) in enumerate(fitted_estimators(names or None)):
        found, bad = tried(estimator, X, y, every, number % every)
        print(type(estimator).__name__, dict(found), *bad[:20], flush=True)
        n_bad += len(bad)
    return n_bad


def fitted_networks():
    """Yield small fitted networks with the data of their fit."""
    import keras

    import skdl

    rng = np.random.default_rng(0)
    X, y = rng.random((20, 64), np.float32), np.arange(20) % 2
    metrics = ["accuracy", keras.metrics.AUC(num_thresholds=5, name="auc")]
    activation = keras.layers.LeakyReLU(0.1)
    parameters = {"epochs": 1, "random_state": 0}
    yield (
        skdl.DenseClassifier((3,), activation=activation, metrics=metrics, **parameters).fit(X, y),
        X,
        y,
    )
    net = skdl.ConvNetClassifier(
        filters=(2,),
        image_shape=(8, 8),
        hidden_layer_sizes=(3,),
        augmentation={"flip": "horizontal"},
        **parameters,
    )
    yield net.fit(X, y), X, y
    layers = [
        keras.Input((None, None, 1)),
        keras.layers.SeparableConv2D(2, 3),
        keras.layers.PReLU(shared_axes=[1, 2]),
        keras.layers.BatchNormalization(),
        keras.layers.MaxPooling2D(2),
        keras.layers.UpSampling2D(2),
    ]
    extractor = skdl.PretrainedFeatureExtractor(
        keras.Sequential(layers), image_shape=(8, 8), random_state=0
    )
    yield extractor.fit(X), X, None


def network_outcomes(which, every, start):
    """Print what becomes of the changed files of a network, beginning with one of them.

    TensorFlow does not outlive a fork, so that this is a process of its own, and ends with it.
    """
    import skdl

    estimator, X, y = list(fitted_networks())[which]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "changed.skdl"
        skdl.save(estimator, path)
        members = members_of(path)
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + 2 * MEGABYTES * 2**20,) * 2)
        for changed in islice(mutations(members), start, None, every):
            print(use(forged(path, *changed), X, y), flush=True)
    print("end", flush=True)


def main_networks(every=1):
    """Try the networks, each in a process that is begun again where one was killed."""
    n_bad = 0
    for which in range(3):
        found = []
        while True:
            start = 1 + every * len(found)
            command = [sys.executable, __file__, "--network", str(which), str(every), str(start)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=3000)
            lines = [line for line in done.stdout.split() if line in (*FINE, "memory", "end")]
            ended = lines[-1:] == ["end"]
            found += lines[:-1] if ended else [*lines, f"ended with {done.returncode}"]
            if ended:
                break
            print(done.stderr[-300:], flush=True)
        bad = [(1 + n * every, each) for n, each in enumerate(found) if each not in FINE]
        print("network", which, dict(Counter(found)), *bad[:20], flush=True)
        n_bad += len(bad)
    return n_bad


if __name__ == "__main__":
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    names = [a for a in sys.argv[1:] if not a.isdigit()]
    if names == ["--network"]:
        network_outcomes(*numbers)
    elif names == ["--networks"]:
        sys.exit(min(main_networks(*numbers), 100))
    else:
        sys.exit(min(main(names, *numbers), 100))
