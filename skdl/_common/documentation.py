"""Where the documentation is, and how the diagrams of estimators link to it."""

from __future__ import annotations

import os
from functools import cache
from importlib import metadata

# Where in the documentation `docs/pages.py` puts the page of a class.
_PAGE = "/api/skdl.{estimator_name}.html"


def documentation() -> str:
    """Return the address of the documentation, empty where there is none.

    It is that of the environment variable SKDL_DOCUMENTATION, such as that of a copy in one's
    own network or on one's own disk, else the published one.
    """
    return os.environ.get("SKDL_DOCUMENTATION", _published()).rstrip("/")


@cache
def _published():
    """Return the address that this distribution gives as its documentation, if any."""
    urls = metadata.metadata("skdl").get_all("Project-URL", [])
    return dict(url.split(", ", 1) for url in urls).get("Documentation", "")


class DocumentationLink:
    """Lets an estimator's diagram link to its page in this project's documentation.

    scikit-learn asks for these names, and draws no link where the address is empty, nor for
    classes that are defined elsewhere.
    """

    _doc_link_module = "skdl"

    @property
    def _doc_link_template(self) -> str:
        address = documentation()
        return address and address + _PAGE
