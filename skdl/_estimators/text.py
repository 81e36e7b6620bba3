"""A network on texts, word indices or matrices of words: `TextBoWClassifier`."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import validate_data

from skdl._common.counts import counted
from skdl._common.types import KerasObject
from skdl._estimators.dense import DenseClassifier, dense_architecture
from skdl._estimators.supervised import NetworkClassifier
from skdl._networks.builders.dense import input_dtype
from skdl._networks.recipes import key_of
from skdl._transformers.documents import are_documents, are_texts, documents_in
from skdl._transformers.vectorizer import OneHotTextVectorizer

# The parameters that are the vectorizer's.
_TEXT_PARAMETERS = [name for name in OneHotTextVectorizer._get_param_names() if name != "input"]


class TextBoWClassifier(NetworkClassifier):
    r"""Fully connected network on the words of documents, as a bag of words.

    Documents are texts, or sequences of word indices such as those of `skdl.datasets.fetch_imdb`.
    `fit` learns the columns of a `OneHotTextVectorizer` from its training rows only, so that
    cross-validation does not leak, and trains on the sparse matrix. A document-term matrix that was
    computed before, dense or sparse, is used as it is.

    Parameters
    ----------
    max_words : int, default=10000
        Number of columns of the document-term matrix: the most frequent words. Texts with fewer
        different words give fewer columns; word indices always give this number. Unused if X is a
        matrix, like all parameters from `binary` on.
    hidden_layer_sizes : int or tuple of int, default=(16, 16)
        Number of units of each hidden layer, from input to output. An int means one layer,
        an empty tuple none: a linear model.
    activation : str, dict, callable or list of these, default="relu"
        Activation of the hidden layers: a name in `keras.activations`, ignoring case ("relu",
        "ReLU"), a function, a Keras layer (such as `keras.layers.PReLU()`), or a Keras
        configuration; one for all layers, or a list with one per layer.
    dropout : float or list of float, default=0.0
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1) [1]_: one
        value for all layers, or a list with one value per layer.
    l1 : float, default=0.0
        Weight of the sum of absolute kernel weights of all layers in the loss.
    l2 : float, default=0.0
        Weight of the sum of squared kernel weights of all layers in the loss.
    batch_normalization : bool or list of bool, default=False
        Whether to apply batch normalization to each hidden layer's outputs, after the activation
        and before dropout [2]_: one value for all layers, or a list with one value per layer.
    kernel_initializer : str, dict or object, default="glorot_uniform"
        Initializer of the kernels [3]_: a name in `keras.initializers`, a configuration or an
        object. Each layer gets a seed of its own from `random_state`.
    loss : str, dict or callable, default="auto"
        Loss that training minimizes: a name in `keras.losses`, a configuration or an object.
        "auto": binary cross-entropy for two classes and for multilabel targets, categorical
        cross-entropy for more than two classes.
    optimizer : str, dict or object, default="adam"
        A name in `keras.optimizers`, a configuration or an object [4]_; an object is copied
        for each fit.
    learning_rate : float, default=None
        Step size of the optimizer, above 0. It replaces the learning rate of an optimizer object or
        configuration. None uses the optimizer's own.
    metrics : str, dict, callable or list of them, default=None
        Metrics to record in `history_` in addition to the loss: names in `keras.metrics`,
        configurations or objects. "accuracy" fits any target.
    epochs : int, default=20
        Number of passes over the training rows; the largest number with early stopping.
    batch_size : int, default=32
        Number of rows per training step. A number larger than that of all rows means all rows.
    shuffle : bool, default=True
        Whether the rows are visited in a new order in each epoch.
    validation_split : float, default=0.0
        Fraction of the rows held out to compute the loss and metrics after every epoch, in [0, 1):
        drawn at random and stratified by class. Unused if `X_val` is given to `fit`.
    early_stopping : bool, default=False
        Whether to stop when the validation loss no longer improves, and to restore the weights of
        the best epoch. Without `X_val` and `validation_split`, 10 percent of the rows are held out.
    patience : int, default=10
        Number of epochs without improvement after which early stopping ends training. Unused
        without `early_stopping`.
    class_weight : dict or str, default=None
        Weights of the classes by label, or "balanced" for weights inversely proportional to the
        frequencies of the classes. They are multiplied with `sample_weight`.
    warm_start : bool, default=False
        Whether `fit` continues from the weights, optimizer state and history of the last fit.
    dtype : str, default="float32"
        Keras dtype policy of the network: "float32", "float64", "bfloat16" or
        "mixed_bfloat16". Inputs of any numeric dtype are converted.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of rows, dropout and the rows held out. With an int, two
        fits on the same machine give bitwise equal results; the user guide on reproducibility tells
        when the number of threads matters. None draws a new seed. No global seed is read or set.
    callbacks : list of Keras callbacks, default=None
        Objects of `keras.callbacks`, which are called themselves, or their names; clones have
        copies of them (except of objects that cannot be copied). A callback that acts on every
        batch makes training use `Model.fit`, which is slower.
    checkpoint : str or path-like, default=None
        Folder in which an unfinished fit stores its state. If the same fit is started again after
        it was killed, it resumes from there and gives the same result as an uninterrupted fit. None
        stores nothing.
    checkpoint_every : int, default=1
        Number of epochs after which the state is written again. Unused without `checkpoint`.
    verbose : int, default=0
        0: silent. 1: a progress bar over epochs. 2: one line per epoch.
    binary : bool, default=True
        Whether the entry of a word that occurs is 1, however often it occurs; otherwise it is
        counted.
    oov_column : bool, default=False
        Whether words without a column of their own share one: the last of the `max_words` columns
        for texts, column 2 for word indices. This requires `max_words` of 3 or more.
    word_index : dict, default=None
        Rank of each word, from 1 for the most frequent, as `get_word_index` of the Keras data
        sets returns it. It names the columns of word indices, and texts are then looked up in
        it, so that they get the same columns.
    index_from : int, default=3
        Offset that is added to a word's rank to get its index; indices up to it are markers. Used
        only for word indices, where it must be the `index_from` with which they were loaded.
    encoding : str, default="utf-8"
        How documents that are bytes are decoded. This and all parameters below apply to texts, with
        the same meaning as in `CountVectorizer`.
    decode_error : str, default="strict"
        What to do with bytes that `encoding` cannot decode: "strict" raises an error, "ignore"
        skips them, "replace" puts a replacement character in their place.
    strip_accents : str or callable, default=None
        How accents are removed: "ascii", "unicode" or a function. None keeps them.
    lowercase : bool, default=True
        Whether texts are converted to lower case.
    preprocessor : callable, default=None
        Function from text to text, used instead of `strip_accents` and `lowercase`.
    tokenizer : callable, default=None
        Function from text to list of words, used instead of `token_pattern`.
    stop_words : str or list of str, default=None
        Words to leave out: a list, or "english" for the list built into scikit-learn. Only
        with `analyzer="word"`.
    token_pattern : str, default=r"(?u)\b\w\w+\b"
        Regular expression of a word: by default two or more letters or digits.
    ngram_range : tuple of int, default=(1, 1)
        Smallest and largest number of words (or characters) that make up a term.
    analyzer : str or callable, default="word"
        "word", "char", "char_wb" (characters, within words), or a function from a document of
        any kind to its terms.
    max_df : float or int, default=1.0
        Terms that occur in more documents than this are left out: a fraction if float, otherwise a
        number of documents.
    min_df : float or int, default=1
        Terms that occur in fewer documents than this are left out: a fraction if float, otherwise a
        number of documents.

    Attributes
    ----------
    vectorizer_ : OneHotTextVectorizer
        Fitted on the documents of fit; defined only if X consisted of documents.
    model_ : keras.Model
        The trained network, compiled; it can be used with Keras alone.
    history_ : dict of list
        Loss and metrics, and validation loss ("val_loss") and metrics, with one value per epoch.
    loss_curve_ : list of float
        Loss of each epoch: `history_["loss"]`, under the same name as in scikit-learn's MLPs.
    n_iter_ : int
        Number of epochs trained, including those of earlier fits that were continued.
    best_epoch_ : int
        Epoch with the lowest validation loss (or, without validation, the lowest loss), counted
        from 1.
    training_program_ : str
        The program that was used for training: "xla", "graph" or "keras"; see the user guide on
        speed.
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of `predict_proba`.
    n_outputs_ : int
        Number of units of the output layer.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in fit; defined only if all of them are strings.

    See Also
    --------
    OneHotTextVectorizer : Makes the matrix of words.
    DenseClassifier : The same network on a table.

    Notes
    -----
    The kind of X is recognized by its type. Strings, bytes and sequences of whole numbers in a list
    or one-dimensional array are documents. A sparse matrix and a two-dimensional array or DataFrame
    of numbers are a document-term matrix; so is a list of lists that contains fractional numbers. A
    list of lists of whole numbers is a list of word indices.

    References
    ----------
    .. [1] N. Srivastava et al. (2014). Dropout: a simple way to prevent neural networks from
       overfitting. Journal of Machine Learning Research 15.
    .. [2] S. Ioffe, C. Szegedy (2015). Batch normalization: accelerating deep network
       training by reducing internal covariate shift. ICML.
    .. [3] X. Glorot, Y. Bengio (2010). Understanding the difficulty of training deep
       feedforward neural networks. AISTATS.
    .. [4] Diederik P. Kingma, Jimmy Ba (2015). Adam: a method for stochastic optimization. ICLR.

    Examples
    --------
    >>> from skdl import TextBoWClassifier
    >>> texts = ["a fine film", "what a bad plot", "bad, bad film", "fine actors, fine plot"]
    >>> net = TextBoWClassifier(learning_rate=0.05, random_state=0)
    >>> net.fit(texts, ["good", "bad", "bad", "good"]).predict(["a bad film", "a fine plot"])
    array(['bad', 'good'], dtype='<U4')
    """

    _parameter_constraints: dict = {
        **DenseClassifier._parameter_constraints,
        **{
            name: constraint
            for name, constraint in OneHotTextVectorizer._parameter_constraints.items()
            if name in _TEXT_PARAMETERS
        },
    }

    def __init__(
        self,
        max_words: int = 10000,
        *,
        hidden_layer_sizes: int | Sequence[int] = (16, 16),
        activation: KerasObject | Sequence[KerasObject] = "relu",
        dropout: float | Sequence[float] = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        batch_normalization: bool | Sequence[bool] = False,
        kernel_initializer: KerasObject = "glorot_uniform",
        loss: KerasObject = "auto",
        optimizer: Any = "adam",
        learning_rate: float | None = None,
        metrics: Any = None,
        epochs: int = 20,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        early_stopping: bool = False,
        patience: int = 10,
        class_weight: dict[Any, float] | str | None = None,
        warm_start: bool = False,
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
        callbacks: Any = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        verbose: int = 0,
        binary: bool = True,
        oov_column: bool = False,
        word_index: dict[str, int] | None = None,
        index_from: int = 3,
        encoding: str = "utf-8",
        decode_error: str = "strict",
        strip_accents: str | Callable | None = None,
        lowercase: bool = True,
        preprocessor: Callable | None = None,
        tokenizer: Callable | None = None,
        stop_words: str | list[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        analyzer: str | Callable = "word",
        max_df: float = 1.0,
        min_df: float = 1,
    ):
        self.max_words = max_words
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.batch_normalization = batch_normalization
        self.kernel_initializer = kernel_initializer
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.validation_split = validation_split
        self.early_stopping = early_stopping
        self.patience = patience
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.dtype = dtype
        self.random_state = random_state
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.binary = binary
        self.oov_column = oov_column
        self.word_index = word_index
        self.index_from = index_from
        self.encoding = encoding
        self.decode_error = decode_error
        self.strip_accents = strip_accents
        self.lowercase = lowercase
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.max_df = max_df
        self.min_df = min_df

    _takes_streams = False

    def _architecture(self, X):
        return dense_architecture(self, X)

    def _kept(self, X):
        kept = hasattr(X, "__getitem__") or issparse(X) or isinstance(X, set | frozenset)
        return X if kept or not isinstance(X, Iterable) else list(X)

    def _validated(self, X, *y, reset=True, **checks):
        documents = documents_in(X)
        if documents is None:
            try:
                return super()._validated(X, *y, reset=reset, **checks)
            except ValueError as error:
                if "got 1D array" not in str(error):
                    raise
                raise ValueError(
                    f"{error}\nX must hold documents: texts, or sequences of word indices."
                ) from error
        if reset:
            vars(self).pop("n_features_in_", None)
            vars(self).pop("feature_names_in_", None)
        are_texts(documents.tolist())
        if not y:
            return documents
        y = validate_data(self, "no_validation", *y, reset=False, **checks)
        check_consistent_length(documents, y)
        return documents, y

    def _learn_inputs(self, X):
        vars(self).pop("vectorizer_", None)
        if are_documents(X):
            parameters = {name: getattr(self, name) for name in _TEXT_PARAMETERS}
            self.vectorizer_ = OneHotTextVectorizer(**parameters).fit(X)
        return self._inputs(X)

    def _check_going_on(self):
        vectorizer = getattr(self, "vectorizer_", None)
        for name in _TEXT_PARAMETERS if vectorizer is not None else ():
            old, new = getattr(vectorizer, name), getattr(self, name)
            if old is not new and key_of(old) != key_of(new):
                raise ValueError(
                    f"Training cannot go on with the words of the last fit: {name} was changed "
                    f"since, from {reprlib.repr(old)} to {reprlib.repr(new)}. Set it back, or fit "
                    "a clone of this estimator."
                )

    def _inputs(self, X):
        learned = hasattr(self, "vectorizer_")
        if are_documents(X):
            if not learned:
                raise ValueError(
                    "X is documents, but this TextBoWClassifier was fitted on a matrix of words. "
                    "Pass the matrix that the same vectorizer makes of them."
                )
            return self.vectorizer_.transform(X).astype(input_dtype(self.dtype), copy=False)
        if learned and X.shape[1] != len(self.vectorizer_.vocabulary_):
            raise ValueError(
                f"X is a matrix of {counted(X.shape[1], 'column')}, but this TextBoWClassifier "
                "learned "
                f"{counted(len(self.vectorizer_.vocabulary_), 'word')} from documents. Pass "
                "documents, or "
                "what vectorizer_.transform makes of them."
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


# The public place, which pickles and OpenML flows name.
TextBoWClassifier.__module__ = "skdl"
