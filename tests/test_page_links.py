"""Where the pages of the documentation link to: the file that each is made of."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pages():
    pytest.importorskip("docutils", reason="the documentation's own packages are not installed")
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("guide/images.md", "docs/guide/images.md"),
        ("index.md", "docs/index.md"),
        ("api/skdl.DenseClassifier.rst", "skdl"),
        ("gallery/plot_15_grad_cam.rst", "examples/plot_15_grad_cam.py"),
        ("gallery/index.rst", "examples/GALLERY_HEADER.rst"),
        ("benchmarks/index.md", "docs/benchmarks/introduction.md"),
        ("guide/loads.md", "docs/pages.py"),
    ],
)
def test_a_page_links_to_the_file_that_it_is_made_of(pages, page, file):
    jinja2 = pytest.importorskip("jinja2", reason="comes with the documentation's packages")
    template = pages.edit_address("https://code.invalid/skdl")
    assert jinja2.Template(template).render(file_name=page) == (
        f"https://code.invalid/skdl/{'tree' if file == 'skdl' else 'edit'}/main/{file}"
    )
    assert (ROOT / file).exists()
