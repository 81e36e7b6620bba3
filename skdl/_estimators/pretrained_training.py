"""How a pretrained network is trained: on features, with augmentation, by fine-tuning."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from sklearn.utils.validation import check_is_fitted

from skdl._common.processes import lock
from skdl._estimators.fit.streams import is_stream
from skdl._estimators.supervised import NetworkClassifier
from skdl._networks.builders.dense import build_dense, layer_sizes
from skdl._networks.builders.pretrained import build_pretrained
from skdl._transformers.backbone_inputs import BackboneInputs


class PretrainedTraining(BackboneInputs, NetworkClassifier):
    """What `PretrainedFeatureClassifier` does between X and its outputs, in one phase or two.

    On features the backbone computes each image once and the head is trained alone, with
    augmentation the whole network is, and fine-tuning goes on from either.
    """

    def _learn_inputs(self, X):
        if self.training == "features" and self.augmentation:
            raise ValueError(
                f"augmentation={self.augmentation!r} changes images in every epoch, but "
                "training='features' computes features once. Set training='augmented' or "
                "'fine_tune', or augmentation=None."
            )
        X = super()._learn_inputs(X)
        if self.training == "fine_tune":
            self._backbone.check_layer("fine_tune_from", self.fine_tune_from)
        on_features = self.training != "augmented" and not self.augmentation
        self._phase = "features" if on_features else "augmented"
        self._features, self._whole_network, self.phases_ = None, None, []
        self._learned = self._decisive()
        return X

    def _architecture(self, X):
        """Return what this phase trains: the head on features, or all of the network."""
        shared = ("activation", "dropout", "l1", "l2", "batch_normalization", "kernel_initializer")
        head = {
            "hidden_layer_sizes": layer_sizes(self.hidden_layer_sizes),
            **{name: getattr(self, name) for name in (*shared, "dtype")},
        }
        if self._phase == "features":
            return build_dense, {"input_shape": (self._features.n_features,), **head}
        tuned = self.fine_tune_from if self._phase == "fine_tune" else None
        whole = {"augmentation": self.augmentation, "fine_tune_from": tuned}
        return build_pretrained, {**self._feature_arguments(), **whole, **head}

    def _decisive(self):
        """Return the parameters that `_learn_inputs` goes by, which is done once for all fits."""
        return {
            "training": self.training,
            "augmentation": deepcopy(self.augmentation),
            "backbone": self.backbone,
            "weights": self.weights,
            "image_shape": self._size_asked_for(),
            "pooling": self.pooling,
            "preprocess": self.preprocess,
        }

    def _check_going_on(self):
        for name, value in self._decisive().items():
            if value != (learned := self._learned[name]):
                raise ValueError(
                    "Training cannot go on with the network of the last fit: received "
                    f"{name}={value!r}, but it has {name}={learned!r}. Set it back, or fit a clone "
                    "of this estimator."
                )

    def _new_network(self, X, targets, seed):
        from skdl._engine.network import Network
        from skdl._transformers.features import Features, given_weights

        backbone = self._backbone
        self._backbone = replace(backbone, weights=None)  # from here on the network has them
        if self._phase == "features":
            self._features = self._features or Features(
                backbone, self._feature_arguments(), seed, self.memory
            )
            return super()._new_network(X, targets, seed)
        tuning = self._phase == "fine_tune"
        rate = self.fine_tune_learning_rate if tuning else self.learning_rate
        config = self._config(X, targets, rate)
        given = given_weights(config, targets.shape, backbone)
        return Network(config, targets.shape, seed, given=given)

    def _planned_epochs(self):
        return self.epochs + (self.fine_tune_epochs if self.training == "fine_tune" else 0)

    def _train_fully(self, network, targets, rows, held_out, stopping, tasks, checkpoint):
        tuning = self._phase == "fine_tune"  # which a warm start goes on with
        epochs = self.fine_tune_epochs if tuning else self.epochs
        self._train(network, targets, rows, held_out, epochs, stopping, tasks, checkpoint)
        if self.training == "fine_tune" and not tuning:
            tuned = self._tuned_from(network, targets)
            epochs = self.fine_tune_epochs
            self._train(tuned, targets, rows, held_out, epochs, stopping, tasks, checkpoint)
        return self

    def _tuned_from(self, network, targets):
        """Return the network to fine-tune, with the weights of the first phase."""
        from skdl._engine.device import numbered_variables
        from skdl._engine.network import Network

        weights = network.get_weights()
        if self._phase == "features":
            weights = [*self._features.network.get_weights(), *weights]
        before = {name: getattr(self, name) for name in ("_phase", "_features", "_whole_network")}
        self._phase, self._features, self._whole_network = "fine_tune", None, None
        try:
            with numbered_variables():
                config = self._config(None, targets, self.fine_tune_learning_rate)
            tuned = Network(config, targets.shape, network.seed, given=dict(enumerate(weights)))
            tuned.history = {name: list(values) for name, values in network.history.items()}
            tuned.best_epoch, tuned.program = network.best_epoch, network.program
            vars(self).update(self._fitted_attributes(tuned, targets))
        except KeyboardInterrupt:  # which leaves what the first phase has learned
            vars(self).update(before)
            raise
        return tuned

    def _train(
        self, network, targets, rows, held_out, epochs, stopping=False, tasks=None, checkpoint=None
    ):
        if self._phase == "features":
            rows = replace(rows, x=self._features(rows.x, self.batch_size))
            if held_out is not None:
                held_out = replace(held_out, x=self._features(held_out.x, self.batch_size))
        return super()._train(network, targets, rows, held_out, epochs, stopping, tasks, checkpoint)

    def _fitted_attributes(self, network, targets):
        phases = self.phases_ + [self._phase] * (network.n_epochs - len(self.phases_))
        more = {"phases_": phases, "_whole_network": None}
        return super()._fitted_attributes(network, targets) | more

    def _whole(self, network):
        if self._phase != "features":
            return network
        with lock:
            if self._whole_network is None:
                base = self._features.network
                arguments = {**network.config.arguments, **base.config.arguments}
                config = network.config.rebuilt(build_pretrained, arguments)
                self._whole_network = network.joined_to(base, config)
            return self._whole_network

    def _models_shown(self):
        before = [self._features.network] if self._phase == "features" else []
        return [network._template().model for network in (*before, self._network)]

    def _outputs(self, X, each=None):
        check_is_fitted(self)
        if is_stream(X) or self._phase != "features":
            return super()._outputs(X, each)
        images = self._inputs(self._validated(X, reset=False))
        return self._network.predict(self._features(images, self.batch_size), each=each)

    def __getstate__(self):
        return {**super().__getstate__(), "_whole_network": None}
