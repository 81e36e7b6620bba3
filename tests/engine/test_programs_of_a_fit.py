"""How many programs a fit has traced, and what is left as found by their making."""

import gc

import numpy as np
import pytest
from tensorflow.python.eager.context import context

from skdl import DenseClassifier
from skdl._common.processes import without_collector
from skdl._engine.compiled.programs import choose_program
from skdl._engine.compiled.store import templates

rng = np.random.default_rng(0)
X = rng.normal(size=(83, 3)).astype(np.float32)
y = X[:, 0] > 0


def test_calls_within_an_epoch_and_at_its_end_are_one_program():
    templates.clear()
    options = context().function_call_options
    net = DenseClassifier((3,), epochs=40, batch_size=8, random_state=0).fit(X, y)
    assert net.training_program_ == "xla"
    (template,) = templates._templates.values()
    # The first call took one step, later ones an epoch and its rest of three rows.
    assert [key[0] for key in template._programs].count("epochs") == 1
    assert len(net.history_["loss"]) == 40
    assert context().function_call_options is options


@pytest.mark.parametrize(
    ("units", "columns", "batch_size", "program"),
    [
        ((4,), 1024, 64, "graph"),
        ((4,), 1024, 32, "xla"),
        ((4,), 1023, 64, "xla"),
        ((65,), 1024, 64, "xla"),
        ((1024,), 3, 64, "graph"),  # to three classes
    ],
)
def test_from_many_columns_to_few_units_by_a_graph(units, columns, batch_size, program):
    X, y = np.zeros((64, columns), np.float32), np.arange(64) % 3
    net = DenseClassifier(units, epochs=1, batch_size=batch_size, random_state=0).fit(X, y)
    assert choose_program(net._network._template(), 64, batch_size, 400) == program


@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_is_as_it_was_after_an_import(is_on):
    before = gc.isenabled()
    try:
        (gc.enable if is_on else gc.disable)()
        with without_collector():
            assert not gc.isenabled()
        assert gc.isenabled() == is_on
    finally:
        (gc.enable if before else gc.disable)()
