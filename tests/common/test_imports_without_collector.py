"""Large libraries are imported without the garbage collector, which is left as it was found."""

import gc
import weakref

import pytest

from skdl._common.processes import without_collector


class Node:
    """An object that can be in a cycle."""


@pytest.fixture(autouse=True)
def thawed():
    """Let nothing be frozen at the beginning; the other tests run with all that was imported so."""
    were_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.enable()
    if were_frozen:
        gc.freeze()


def _is_old(thing):
    return any(each is thing for each in gc.get_objects(generation=2))


def test_what_was_imported_is_not_looked_through_by_the_next_collections():
    with without_collector():
        thing = Node()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert _is_old(thing)


def test_cycles_that_an_import_leaves_are_still_found():
    with without_collector():
        thing = Node()
        thing.itself, gone = thing, weakref.ref(thing)
        del thing
    assert gone() is not None
    gc.collect()
    assert gone() is None


def test_objects_that_somebody_has_frozen_stay_frozen():
    gc.freeze()
    n_frozen = gc.get_freeze_count()
    with without_collector():
        thing = Node()
    assert gc.get_freeze_count() == n_frozen > 0
    assert not _is_old(thing)


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with without_collector():
        thing = Node()
    assert not gc.isenabled()
    assert not _is_old(thing)
