"""The straight line from X and y to what the engine trains on, one step after the other.

`fit`, `partial_fit` and data sets of batches walk it in the same order, and leave out the steps
that they have no use for:

    check             X, y and weights as arrays that fit together
    learn_targets     the classes or outputs, from all of y
    weigh             weights of classes; rows of weight 0 leave
    begin             the seed of the fit, and its checkpoint
    hold_out          rows to train on, rows to validate on
    learn_scale       mean and standard deviation of y, where it is standardised
    learn_inputs      what the network takes of the rows, such as words or a scale
    make_network      the compiled network, new or that of the last fit
    encode            targets as the network sees them, weights of mean 1
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix, issparse

from skdl._common.seeds import fit_seed
from skdl._common.sparse_rows import SparseRows
from skdl._engine.checkpoint import Checkpoint
from skdl._estimators.fit.given_targets import shown
from skdl._estimators.fit.hold_out import split, stops_early
from skdl._estimators.fit.samples import Samples, largest_is_one
from skdl._estimators.fit.scales import warn_of_inputs
from skdl._estimators.fit.targets import checked_classes

if TYPE_CHECKING:
    from skdl._engine.network import Network
    from skdl._engine.rows import Rows
    from skdl._estimators.base import BaseNetwork


class Fitting:
    """One fit of an estimator: its steps, and what they learn on the way.

    Parameters
    ----------
    estimator : BaseNetwork
        Whose parameters and hooks decide each step.
    going_on : bool
        Whether the fit goes on with the network of the last one.
    """

    targets: Any  # ClassTargets or ValueTargets
    seed: int
    stopping: bool

    def __init__(self, estimator: BaseNetwork, going_on: bool):
        self.estimator, self.going_on = estimator, going_on

    def check(self, X: Any, y: Any, sample_weight: Any) -> Samples:
        """Return the training rows, checked; the largest weight is 1."""
        X, y = self.estimator._check_rows(X, y, reset=not self.going_on)
        weight = largest_is_one(sample_weight, X, y.shape[0])
        return Samples(X, y, weight, np.arange(y.shape[0]))

    def learn_targets(self, y: Any, classes: Any = None) -> None:
        """Learn the classes or outputs, which must be those of the last fit where it goes on."""
        targets = self.estimator._make_targets(y, classes)
        if self.going_on and not targets.same_as(self.estimator._targets):
            raise ValueError(
                "warm_start=True continues with the network of the last fit, which had other "
                "classes or outputs in y. Fit a clone of this estimator instead."
            )
        if self.going_on:
            targets.take_scale(self.estimator._targets)
        self.targets = targets

    def learn_scale(self, samples: Samples) -> None:
        """Learn the scale of y from the rows that are trained on; a fit that goes on keeps it."""
        if not self.going_on:
            self.targets.learn_scale(samples.y, samples.weight)

    def keep_targets(self, classes: Any = None) -> None:
        """Go on with the classes or outputs of the last call of `partial_fit`."""
        self.targets = copy(self.estimator._targets)  # loss and metrics settle their form anew
        if classes is not None and not np.array_equal(
            checked_classes(classes), self.targets.classes
        ):
            raise ValueError(
                f"classes={shown(np.asarray(classes))} is not the same as on the first call: "
                f"{shown(self.targets.classes)}."
            )

    def weigh(self, samples: Samples) -> Samples:
        """Return the rows that count, their weights multiplied by those of their classes."""
        return self.weigh_classes(samples.without_zeros()).without_zeros()

    def weigh_classes(self, samples: Samples) -> Samples:
        """Return all rows, their weights multiplied by those of their classes."""
        class_weight = getattr(self.estimator, "class_weight", None)
        if class_weight is None:
            return samples
        weight = self.targets.weights(class_weight, samples.y, samples.weight)
        return replace(samples, weight=weight)

    def begin(self, *data: Any) -> Checkpoint | None:
        """Settle the seed; return the checkpoint of a fit of these data, None if none is kept."""
        before = self.estimator._network if self.going_on else None
        self.seed = before.seed if before else fit_seed(self.estimator.random_state)
        if not data:
            return None
        history = before.history if before else None
        checkpoint = Checkpoint.of(self.estimator, self.seed, *data, history)
        if checkpoint is not None:
            self.seed = checkpoint.seed_or(self.seed)
        return checkpoint

    def hold_out(self, samples: Samples, X_val: Any, y_val: Any) -> tuple[Samples, Samples | None]:
        """Return the rows to train on, and those to validate on, None if there are none.

        Learns whether training is stopped by the latter.
        """
        fraction = self.estimator.validation_split
        validated = X_val is not None or fraction > 0
        self.stopping = stops_early(self.estimator, len(samples), validated)
        if X_val is not None:
            held = self.check_validation(X_val, y_val)
            self.targets.check_validation(samples.y, held.y)
            return samples, held
        if not (fraction or self.stopping):
            return samples, None
        labels = self.targets.stratify(samples.y)
        kept, apart = split(labels, len(samples), fraction, self.stopping, self.seed)
        if issparse(samples.X) and self.estimator._takes_sparse_rows:
            return samples.part(kept), samples.part(apart)
        held = samples.take(apart)
        return samples.keep(kept), held

    def check_validation(self, X_val: Any, y_val: Any) -> Samples:
        """Return the rows of X_val and y_val, checked."""
        try:
            X, y = self.estimator._check_rows(X_val, y_val, reset=False, name="_val")
        except (TypeError, ValueError) as error:  # in which scikit-learn calls any rows X
            error.add_note("These are the validation rows: X_val and y_val.")
            raise
        return Samples(X, y, name="y_val")

    def learn_inputs(self, X: Any) -> Any:
        """Return the network's inputs for the training rows, from which a new fit may learn."""
        return self.estimator._inputs(X) if self.going_on else self.estimator._learn_inputs(X)

    def make_network(self, x: Any) -> Network:
        """Return the compiled network for inputs x, in the state in which training begins."""
        from skdl._engine.device import numbered_variables

        estimator = self.estimator
        if self.going_on:
            estimator._check_going_on()
        with numbered_variables():
            network = estimator._new_network(x, self.targets, self.seed)
        self._config = network.config
        if not self.going_on:
            warn_of_inputs(estimator, network, x)
        elif not network.go_on_from(estimator._network):
            raise ValueError(
                "Training cannot go on with the network of the last fit: a parameter of the "
                "network, its loss, metrics or optimizer was changed since (only learning_rate "
                "may be). Set it back, or fit a clone of this estimator."
            )
        self.network = network
        return network

    def encode(self, x: Any, samples: Samples) -> Rows:
        """Return what the network is trained or validated on: inputs x for these samples."""
        from skdl._engine.rows import Rows

        x = SparseRows.of(x, samples.rows)
        x, dtype = self.estimator._for_network(x, self.network)
        weight = np.ones(len(samples)) if samples.weight is None else samples.weight
        self.check_weights(weight)
        weight = (weight * (len(weight) / weight.sum())).astype(dtype)
        return Rows(x, self.targets.encode(samples.y, dtype, samples.name), weight)

    def check_weights(self, weight: np.ndarray | None) -> None:
        """Raise a ValueError if rows have different weights and the loss cannot weigh them."""
        if weight is None or weight.min() == weight.max():
            return
        if not self._config.weighs_rows(self.targets.shape, self.targets.n_units):
            raise ValueError(
                f"loss={self.estimator.loss!r} is one number per batch, so that the weights of "
                "rows (sample_weight, class_weight) would change nothing. Leave the weights out, "
                "or use a loss that is one number per row."
            )

    def encode_validation(self, held_out: Samples | None, sparse: bool) -> Rows | None:
        """Return the rows to validate on, sparse where the training rows are."""
        if held_out is None:
            return None
        x = self.estimator._inputs(held_out.X)
        if issparse(x) and not sparse:
            x, _ = self.estimator._for_network(SparseRows.of(x), self.network)
            x = x.toarray() if isinstance(x, SparseRows) else x  # else the network's way to take it
        elif sparse and not issparse(x):
            x = csr_matrix(x)
        return self.encode(x, held_out)
