"""Configuration of the documentation; `docs/README.md` has the command that builds it."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent))

import pages

import skdl

project = "skdl"
author = "The skdl developers"
project_copyright = author
version = release = skdl.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "pages",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["README.md", "_build", "benchmarks/introduction.md"]
default_role = "literal"
smartquotes = False
toc_object_entries_show_parents = "hide"
nitpicky = True

# Where the estimators' diagrams in the gallery link to, seen from its pages.
os.environ["SKDL_DOCUMENTATION"] = ".."

# All pages are Markdown; the API pages and the gallery are generated as reStructuredText.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Types and defaults are in the docstrings; annotations would repeat them.
autodoc_typehints = "none"
autosummary_generate = False
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False

# Names of other projects in docstrings and in what is inherited from scikit-learn. They are
# links where SKDL_DOCS_INTERSPHINX is set and there is a network, else plain text.
nitpick_ignore = [
    ("std:ref", "accuracy_score"),
    ("std:ref", "df_output_transform"),
    ("std:ref", "metadata_routing"),
    ("std:ref", "r2_score"),
    ("std:ref", "sphx_glr_auto_examples_miscellaneous_plot_set_output.py"),
    ("std:term", "meta-estimator"),
]
nitpick_ignore_regex = [
    (r"py:.*", r"(keras|matplotlib|numpy|openml|pandas|scipy|sklearn)(\..*)?"),
]
if os.environ.get("SKDL_DOCS_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "matplotlib": ("https://matplotlib.org/stable/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "pandas": ("https://pandas.pydata.org/docs/", None),
        "scipy": ("https://docs.scipy.org/doc/scipy/", None),
        "sklearn": ("https://scikit-learn.org/stable/", None),
    }

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "backreferences_dir": "api/examples",
    "doc_module": ("skdl",),
    "default_thumb_file": str(Path(__file__).parent / "_static" / "skdl.svg"),
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "capture_repr": ("_repr_html_",),
}

html_theme = "pydata_sphinx_theme"
html_title = "skdl"
html_logo = html_favicon = "_static/skdl.svg"
html_context = {"default_mode": "auto"}
source = pages.address_of_source()
if source:  # each page links to the file that it is made of
    html_context |= {"edit_page_url_template": pages.edit_address(source)}
html_static_path = ["_static"]
html_css_files = ["skdl.css"]
html_show_sourcelink = True
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": f"skdl {version}"},
    "show_prev_next": True,
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "use_edit_page_button": bool(source),
    "secondary_sidebar_items": ["page-toc", *(["edit-this-page"] * bool(source)), "sourcelink"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {name: [] for name in ("index", "install", "start", "contributing", "changelog")}

pages.write(Path(__file__).parent)
