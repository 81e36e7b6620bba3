"""What `KerasClassifier` and `KerasRegressor` share: a network that the user's function builds."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from skdl._common.processes import check_process
from skdl._common.sparse_rows import SparseRows
from skdl._estimators.base import BaseNetwork
from skdl._estimators.custom.column_groups import resolve_columns
from skdl._estimators.custom.targets import scikeras_meta
from skdl._estimators.fit.streams import inputs_of as batches_of
from skdl._estimators.fit.streams import is_stream
from skdl._networks.custom.builder_calls import (
    PREFIX,
    arguments_for,
    check_hyperparameters,
    hyperparameters,
    is_builder,
    parameters_of,
)
from skdl._networks.settings import warn_of_data_format
from skdl._sklearn import HasMethods

_ROUTED = {
    "optimizer": "optimizer=keras.optimizers.SGD(momentum=0.9), and learning_rate",
    "loss": "loss=keras.losses.Huber(delta=0.5)",
    "metrics": "metrics=[keras.metrics.AUC()]",
    "callbacks": "callbacks=[keras.callbacks.ReduceLROnPlateau(patience=5)]",
    "fit": "the parameter without fit__, such as epochs or batch_size",
    "predict": "the parameter without predict__; predictions have no parameters of their own",
}


class OwnNetworkEstimator(BaseNetwork):
    """An estimator over the user's own network."""

    model: Any
    model_params: dict[str, Any] | None
    inputs: dict[str, Any] | None

    _takes_streams = _on_tables = True

    _parameter_constraints: dict = {
        **{
            name: constraint
            for name, constraint in BaseNetwork._parameter_constraints.items()
            if name
            not in {
                "activation", "dropout", "l1", "l2", "batch_normalization", "kernel_initializer",
            }
        },
        "model": [callable, HasMethods("get_config")],
        "model_params": [dict, None],
        "inputs": [dict, None],
        "dtype": [*BaseNetwork._parameter_constraints["dtype"], None],
    }  # fmt: skip

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, including the hyperparameters of `model`.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the function's own hyperparameters as `model__name`, with their
            values in `model_params` or, if they are not set there, their defaults.

        Returns
        -------
        params : dict
            Values of the parameters by name.
        """
        params = super().get_params(deep=deep)
        if deep:
            given = self.model_params if isinstance(self.model_params, dict) else {}
            own = hyperparameters(self.model)
            own = {name: value for name, value in own.items() if not _is_missing(value)} | given
            params |= {f"{PREFIX}{name}": value for name, value in own.items()}
        return params

    @classmethod
    def _advice_on_argument(cls, method: str, unknown: str) -> str:
        """Say where hyperparameters of the function belong."""
        if advice := super()._advice_on_argument(method, unknown):
            return advice
        prefix, divider, name = unknown.partition("__")
        if divider and prefix in _ROUTED:
            return f"Set {_ROUTED[prefix]}."
        name = name if divider and prefix == PREFIX.rstrip("_") else unknown
        if method == "set_params":
            return f"Set {PREFIX}{name}, if it is an argument of the function that is `model`."
        if method != "__init__":
            return ""
        return (
            f"If it is an argument of the function that is `model`, give model_params={{{name!r}: "
            f"...}}; set_params and grids call it {PREFIX}{name}."
        )

    def set_params(self, **params: Any) -> OwnNetworkEstimator:
        """Set parameters, including the hyperparameters of `model`.

        Parameters
        ----------
        **params : dict
            Values by name; `model__name=value` sets a value in `model_params`, for which a new dict
            is created.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If the function has no such hyperparameter; the message lists the existing ones.
        """
        nested = {n: v for n, v in params.items() if n.startswith(PREFIX)}
        plain = {name: value for name, value in params.items() if name not in nested}
        for name in plain:
            prefix, divider, _ = name.partition("__")
            if divider and prefix in _ROUTED:
                raise ValueError(
                    f"{name} is not a parameter of {type(self).__name__}: set {_ROUTED[prefix]}."
                )
        super().set_params(**plain)
        if nested:
            own = {name.removeprefix(PREFIX): value for name, value in nested.items()}
            check_hyperparameters(self.model, own, PREFIX)
            self.model_params = {**(self.model_params or {}), **own}
        return self

    # From X to the network's inputs.

    def _input_dtype(self, X):
        return "numeric"  # what the network takes is not known yet

    def _advice_on_inputs(self):
        return (
            "Put the columns side by side, for instance with numpy.hstack, and say by `inputs` "
            "which of them belong to which input of the network."
        )

    def _validated(self, X, *y, reset=True, **checks):
        found = super()._validated(X, *y, reset=reset, allow_nd=True, **checks)
        rows = found[0] if y else found
        if reset:
            self.input_shape_ = tuple(rows.shape[1:])
        elif tuple(rows.shape[1:]) != self.input_shape_:
            raise ValueError(
                f"X has rows of shape {tuple(rows.shape[1:])}, but {type(self).__name__} was "
                f"fitted on rows of shape {self.input_shape_}."
            )
        return found

    def _learn_inputs(self, X):
        self._columns = None
        if self.inputs is not None:
            if X.ndim != 2 or issparse(X):
                raise ValueError(
                    f"inputs={self.inputs!r} names columns of a dense table, but X has shape "
                    f"{X.shape}{' and is sparse' if issparse(X) else ''}."
                )
            names = getattr(self, "feature_names_in_", None)
            self._columns = resolve_columns(self.inputs, X.shape[1], names)
        return self._inputs(X)

    def _inputs(self, X):
        if self._columns is None:
            return X
        from skdl._engine.rows import ColumnGroups

        return ColumnGroups({name: X[:, columns] for name, columns in self._columns.items()})

    def _for_network(self, x, network):
        from skdl._engine.custom.feeding import as_network_takes

        builder = network.config.builder
        x = as_network_takes(network.model, x, builder.inputs, builder.name)
        return x, network.float_dtype

    def _outputs(self, X, each=None):
        check_is_fitted(self)
        if is_stream(X):
            return np.concatenate([self._outputs(x, each) for x in batches_of(X)])
        check_process()
        x = SparseRows.of(self._inputs(self._validated(X, reset=False)))
        x, _ = self._for_network(x, self._network)
        return self._network.predict(x, each=each)

    # The network.

    def _new_network(self, X, targets, seed):
        from skdl._engine.custom.building import Builder
        from skdl._engine.custom.feeding import (
            check_rows,
            described,
            output_shape,
            takes_sparse_rows,
        )
        from skdl._engine.custom.network import OwnNetwork

        builder = Builder(self.model, self._arguments(X, targets), described(X), self.dtype)
        model = builder(seed)
        if is_builder(self.model):
            warn_of_data_format(model, f"model={builder.name}")
        check_rows(model, builder.inputs, builder.name)
        targets.fit_to(output_shape(model, builder.inputs), builder.name)
        config = self._own_config(builder, model, targets)
        sparse = issparse(X) and takes_sparse_rows(model)
        return OwnNetwork(config, model, targets.shape, seed, sparse)

    def _arguments(self, X, targets):
        """Return the arguments of the function: what it names, and its hyperparameters."""
        if not is_builder(self.model):
            if self.model_params:
                check_hyperparameters(self.model, self.model_params, "model_params: ")
            return {}
        n_outputs, activation = targets.asked_for
        shape = self.input_shape_
        if self._columns is not None:
            shape = {name: (len(columns),) for name, columns in self._columns.items()}
        given = {
            "input_shape": shape,
            "n_features": self.input_shape_[-1],
            "n_outputs": n_outputs,
            "output_activation": activation,
            "n_classes": len(targets.classes) if hasattr(targets, "classes") else None,
            "meta": scikeras_meta(self, X, targets),
            "dtype": self.dtype,
            "seed": 0,  # put in at each call
        }
        if "compile_kwargs" in parameters_of(self.model):
            given["compile_kwargs"] = self._compile_kwargs(targets)
        return arguments_for(self.model, given, self.model_params)

    def _compile_kwargs(self, targets):
        """Return arguments for the function's own call of `compile`, as scikeras gives them."""
        from skdl._networks.configuration import optimizer_and_rate
        from skdl._networks.suited import listed

        optimizer = "adam" if self.optimizer == "auto" else self.optimizer
        recipe, rate = optimizer_and_rate(optimizer, self.learning_rate)
        optimizer = recipe.make()
        if rate is not None:
            optimizer.learning_rate = rate
        auto = {"values": "mean_squared_error", "multiclass": "sparse_categorical_crossentropy"}
        loss = self.loss
        if isinstance(loss, str) and loss == "auto":
            kind = "binary" if targets.asked_for == (1, "sigmoid") else targets.kind
            loss = auto.get(kind, "binary_crossentropy")
        return {"optimizer": optimizer, "loss": loss, "metrics": listed(self.metrics)}

    def _own_config(self, builder, model, targets):
        """Return how the network is compiled: by the parameters, else as the function did."""
        from skdl._engine.custom.feeding import float_dtype, output_operation
        from skdl._engine.custom.network import OwnConfig
        from skdl._networks.configuration import optimizer_and_rate
        from skdl._networks.custom.compiled import compiled_parts
        from skdl._networks.custom.outputs import link_of, output_activation
        from skdl._networks.objects import check_no_class, loss_recipe, metric_recipes

        own = compiled_parts(model)
        optimizer = own.optimizer if _is_auto(self.optimizer) else self.optimizer
        loss = own.loss if _is_auto(self.loss) else self.loss
        check_no_class("loss", loss)
        metrics = own.metrics if self.metrics is None else self.metrics
        if targets.kind != "values":
            activation = output_activation(model, lambda: output_operation(model, builder.inputs))
            targets.link = link_of(activation, loss, targets.kind, builder.name)
            targets.by_loss = activation is None and targets.link is None
            targets.each_for_itself = targets.kind == "multiclass" and activation == "sigmoid"
        else:  # of a network that is a class of its own, nothing is known
            targets.output = output_activation(model, lambda: "") or "linear"
        loss = targets.resolve_loss(loss, metrics)
        metrics = targets.resolve_metrics(metrics)
        recipe, rate = optimizer_and_rate(optimizer, self.learning_rate)
        dtype = float_dtype(model)
        loss, metrics = loss_recipe(loss, dtype), metric_recipes(metrics)
        return OwnConfig(builder, recipe, loss, metrics, rate, own.extras, targets.link)

    def _models_shown(self):
        return [self._network.model]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _is_missing(default):
    return isinstance(default, type) and default.__name__ == "_empty"


def _is_auto(value):
    return isinstance(value, str) and value == "auto"
