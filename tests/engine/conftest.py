"""Fixtures of the tests of the engine."""

import pytest


@pytest.fixture
def calls(monkeypatch):
    """Return the numbers of epochs that calls of programs train, as they are made."""
    from skdl._engine.compiled import programs

    found, run = [], programs.Epochs.run

    def counted(*arguments):
        logs = run(*arguments)
        found.append(len(logs))
        return logs

    monkeypatch.setattr(programs.Epochs, "run", counted)
    return found
