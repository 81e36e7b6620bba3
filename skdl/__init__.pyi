from . import datasets as datasets
from . import exceptions as exceptions
from . import openml as openml
from ._common.environment import show_versions as show_versions
from ._displays.filters import FilterDisplay as FilterDisplay
from ._displays.image_grid import ImageGridDisplay as ImageGridDisplay
from ._displays.loss_curve import LossCurveDisplay as LossCurveDisplay
from ._displays.search import SearchDisplay as SearchDisplay
from ._estimators.convnet import ConvNetClassifier as ConvNetClassifier
from ._estimators.custom.keras import KerasClassifier as KerasClassifier
from ._estimators.custom.keras import KerasRegressor as KerasRegressor
from ._estimators.dense import DenseClassifier as DenseClassifier
from ._estimators.dense_regressor import DenseRegressor as DenseRegressor
from ._estimators.pretrained import PretrainedFeatureClassifier as PretrainedFeatureClassifier
from ._estimators.text import TextBoWClassifier as TextBoWClassifier
from ._files.saving import load as load
from ._files.saving import save as save
from ._networks.builders.convnet import build_convnet as build_convnet
from ._networks.builders.dense import build_dense as build_dense
from ._networks.builders.pretrained import build_pretrained as build_pretrained
from ._onnx.conversion import register_onnx_converters as register_onnx_converters
from ._onnx.conversion import to_onnx as to_onnx
from ._transformers.extractor import PretrainedFeatureExtractor as PretrainedFeatureExtractor
from ._transformers.image_reshaper import ImageReshaper as ImageReshaper
from ._transformers.sequencer import TokenSequencer as TokenSequencer
from ._transformers.vectorizer import OneHotTextVectorizer as OneHotTextVectorizer

__version__: str
