"""How estimators show themselves in a notebook: links, and a table of a network's layers."""

import pickle
import re
import subprocess
import sys
from email.message import Message
from html.parser import HTMLParser
from importlib import metadata, util

import pytest
from registry import constructible
from sklearn import config_context
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skdl
from skdl import ConvNetClassifier, DenseClassifier, ImageReshaper
from skdl._common import documentation
from skdl.exceptions import NonFiniteLossError

shows_what_is_fitted = pytest.mark.skipif(
    util.find_spec("sklearn.callback") is None,
    reason="needs scikit-learn 1.9, whose diagrams show what is fitted",
)


class Tables(HTMLParser):
    """Reads the table of layers: its summary and its rows; and checks that all tags close."""

    def __init__(self, html):
        super().__init__()
        self.summaries, self.rows, self.open, self.wanted = [], [], [], False
        self.feed(html)
        self.close()

    def handle_startendtag(self, tag, attrs):
        """Nothing is in it."""

    def handle_starttag(self, tag, attrs):
        if tag not in ("br", "input"):
            self.open.append(tag)
        if tag == "tr" and self.wanted:
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["summary"]:
            self.wanted = data.startswith("Network")
            self.summaries += [data] if self.wanted else []
        elif self.open[-1:] == ["td"] and self.wanted:
            self.rows[-1].append(data)


@pytest.fixture(scope="module")
def net(digits):
    return ConvNetClassifier(
        filters=(4, 6), batch_normalization=True, dropout=0.1, epochs=1, random_state=0
    ).fit(digits[0][:200], digits[1][:200])


def html_of(estimator):
    html = estimator._repr_html_()
    assert estimator._repr_mimebundle_()["text/html"].count("<table") == html.count("<table")
    return html


@shows_what_is_fitted
def test_a_fitted_network_shows_its_layers_and_is_not_built_for_it(net):
    tables = Tables(html_of(net))
    assert net._network._model is None
    model = net.model_
    trainable = sum(weight.numpy().size for weight in model.trainable_weights)
    assert tables.summaries == [
        f"Network: {len(model.layers)} layers, {model.count_params():,} parameters "
        f"({trainable:,} trainable)"
    ]
    _, *rows = tables.rows
    expected = [
        [
            layer.name,
            type(layer).__name__,
            " x ".join(map(str, layer.output.shape[1:])),
            f"{layer.count_params():,}",
        ]
        for layer in model.layers
    ]
    assert rows == expected
    assert ["conv_1", "Conv2D", "6 x 6 x 4", "40"] in rows


@shows_what_is_fitted
def test_inside_other_estimators(digits):
    X, y = digits[0][:100], digits[1][:100]
    pipeline = make_pipeline(ImageReshaper(), ConvNetClassifier(filters=2, epochs=1))
    search = GridSearchCV(pipeline, {"convnetclassifier__epochs": [1]}, cv=2).fit(X, y)
    tables = Tables(html_of(search))
    assert len(tables.summaries) == 1
    assert f"{search.best_estimator_[-1].model_.count_params():,} parameters" in tables.summaries[0]
    # Its base estimator is shown as that of a fitted one, without being fitted itself.
    bagging = BaggingClassifier(DenseClassifier(epochs=1), n_estimators=1).fit(X, y)
    assert Tables(html_of(bagging)).summaries == []


def test_unpickled_networks(net, digits):
    again = pickle.loads(pickle.dumps(net))
    assert Tables(html_of(again)).rows == Tables(html_of(net)).rows
    assert again._network._model is None


@shows_what_is_fitted
def test_fitted_attributes_are_shown_as_scikit_learn_shows_them(net):
    html = html_of(net)
    for name in ("classes_", "n_features_in_", "history_", "n_iter_", "image_shape_"):
        assert name in html
    shown = net._get_fitted_attr_html()
    assert shown["classes_"]["shape"] == (10,)
    assert shown["n_features_in_"] == {"type_name": "int", "value": 64}
    assert "model_" not in shown
    assert shown.estimator_class is ConvNetClassifier


@shows_what_is_fitted
def test_what_is_missing_is_not_shown(digits):
    net = DenseClassifier(epochs=1).fit(digits[0][:50], digits[1][:50])
    del net.history_, net.best_epoch_
    assert len(Tables(html_of(net)).summaries) == 1
    diverging = DenseClassifier(epochs=1, learning_rate=1e30, optimizer="sgd")
    with pytest.raises(NonFiniteLossError):
        diverging.fit(digits[0][:50], digits[1][:50])
    assert Tables(html_of(diverging)).summaries == []


@shows_what_is_fitted
def test_text_is_escaped(net, monkeypatch):
    monkeypatch.setattr(net._models_shown()[0].layers[0], "name", "<script>&")
    html = html_of(net)
    assert "&lt;script&gt;&amp;" in html
    assert "<td><script>" not in html


def test_only_as_a_diagram(net):
    with config_context(display="text"):
        assert not hasattr(net, "_repr_html_")
        assert list(net._repr_mimebundle_()) == ["text/plain"]


@pytest.mark.parametrize("name", constructible())
def test_links_to_the_documentation(name, monkeypatch):
    estimator = getattr(skdl, name)()
    monkeypatch.setenv("SKDL_DOCUMENTATION", "")
    assert estimator._get_doc_link() == ""
    assert "href" not in re.sub("<style>.*</style>", "", html_of(estimator), flags=re.DOTALL)
    monkeypatch.setenv("SKDL_DOCUMENTATION", "https://docs.invalid/stable/")
    page = f"https://docs.invalid/stable/api/skdl.{name}.html"
    assert estimator._get_doc_link() == page
    html = html_of(estimator)
    assert f'href="{page}"' in html
    assert f"Documentation for {name}" in html
    parameter = next(iter(estimator.get_params()))
    assert f'href="{page}#:~:text={parameter},-' in html


def test_links_to_the_published_documentation(monkeypatch):
    """The address that a release gives in its metadata is used where no other is asked for."""
    released = Message()
    released["Project-URL"] = "Source, https://code.invalid/skdl"
    released["Project-URL"] = "Documentation, https://docs.invalid/released"
    monkeypatch.delenv("SKDL_DOCUMENTATION", raising=False)
    monkeypatch.setattr(metadata, "metadata", {"skdl": released}.get)
    documentation._published.cache_clear()
    try:
        page = "https://docs.invalid/released/api/skdl.DenseClassifier.html"
        assert DenseClassifier()._get_doc_link() == page
    finally:
        documentation._published.cache_clear()


def test_classes_of_users_have_no_page_here(monkeypatch):
    monkeypatch.setenv("SKDL_DOCUMENTATION", "https://docs.invalid")
    assert type("Mine", (DenseClassifier,), {"__module__": "mine"})()._get_doc_link() == ""


def test_unfitted_estimators_need_neither_keras_nor_tensorflow():
    code = f"""
import sys, skdl
for name in {[*constructible()]!r}:
    html = getattr(skdl, name)()._repr_html_()
    assert "Parameters" in html and "Network:" not in html, name
assert not {{"keras", "tensorflow"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
