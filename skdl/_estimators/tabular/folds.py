"""Which rows each member of an ensemble leaves out of its training, to be stopped by them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

N_FOLDS = 5


def held_out_rows(labels: Any, n_rows: int, n_members: int, seed: int) -> list[np.ndarray]:
    """Return for each member the positions of the rows that it leaves out, in order.

    Five members share the rows: each row is left out by one of them. More than five begin
    another round, with other fifths; fewer leave some rows to all. With less than five rows,
    there are as many parts as rows.

    Parameters
    ----------
    labels : array of shape (n_rows,) or None
        What the parts are stratified by; None for none.
    n_rows : int
        Number of rows.
    n_members : int
        Number of members.
    seed : int
        Of the fit.

    Raises
    ------
    ValueError
        If there is but one row.
    """
    if n_rows < 2:
        raise ValueError(
            f"n_samples = {n_rows} is too few: each member of the ensemble trains on some rows "
            "and is stopped by others. Give at least 2 rows; some tens are of use."
        )
    n_folds = min(N_FOLDS, n_rows)
    n_rounds = -(-n_members // n_folds)
    found: list[np.ndarray] = []
    for round_seed in np.random.SeedSequence(seed).generate_state(n_rounds):
        splitter: Any = KFold(n_folds, shuffle=True, random_state=int(round_seed))
        if labels is not None and np.unique(labels, return_counts=True)[1].max() >= n_folds:
            splitter = StratifiedKFold(n_folds, shuffle=True, random_state=int(round_seed))
        with warnings.catch_warnings():
            # Classes with fewer rows than parts are in some parts only.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            found += [held for _, held in splitter.split(np.zeros(n_rows), labels)]
    return found[:n_members]
