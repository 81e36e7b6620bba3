"""Pages that are generated from the code: one per public name, what loads, benchmarks.

It is a Sphinx extension as well: formulas are shown as MathML, which browsers draw without a
script, and links to the source lead to the module in which a public name is written.
"""

import ast
import importlib
import inspect
import re
import sys
from functools import cache
from importlib import metadata

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

import skdl
from skdl import datasets, exceptions, openml
from skdl._files import known
from skdl._networks.names import known_objects

MODULES = {
    "skdl": skdl,
    "skdl.datasets": datasets,
    "skdl.openml": openml,
    "skdl.exceptions": exceptions,
}
# Headings of the reference by task, and the names under each, without "skdl."; a name belongs to
# the first that matches.
GROUPS = {
    "Tables": r"Dense\w+|Tabular\w+|PiecewiseLinearEncoder",
    "Texts": r"Text\w+|OneHotTextVectorizer|TokenSequencer|datasets\.fetch_(imdb|reuters)",
    "Images": r"ConvNet\w+|ImageReshaper|Pretrained\w+|datasets\.\w+",
    "Networks of your own": r"Keras\w+|build_\w+",
    "Plots and progress": r"\w+Display|\w*learning_rate\w*|SearchProgress",
    "Saving and serving": r"save|load|trusted\w*|to_onnx|register_onnx_converters",
    "OpenML": r"openml\.\w+",
    "Errors and warnings": r"exceptions\.\w+",
    "Other": r".*",
}
# Of the page of what loads: its introduction, and functions by where they come from.
LOADS = """This list is made from the code that `skdl.load` checks files with. Someone has looked at
what the compiled code of each class here does with its attributes, and what it counts on is checked
as a file is loaded. Anything else has to be [trusted by its name](saving.md), whatever it is.
"""
SETS = {
    "Functions of numbers": "numpy.",
    "the same": "scipy.special.",
    "Scores": "sklearn.metrics.",
}
NUMBER = re.compile(r"[-+]?[\d.,]+")
CELL = re.compile(r"\S+(?: \S+)*")  # columns are two spaces or more apart


# Of which file of the repository a page is made, by the beginning of its own file's name.
MADE_OF = {
    "api/": "tree/main/skdl",
    "gallery/plot_": "edit/main/examples/{{ file_name[8:-4] }}.py",
    "gallery/": "edit/main/examples/GALLERY_HEADER.rst",
    "benchmarks/": "edit/main/docs/benchmarks/introduction.md",
    "guide/loads.": "edit/main/docs/pages.py",
}


def address_of_source():
    """Return the address of the repository that pyproject.toml gives, empty if there is none."""
    urls = metadata.metadata("skdl").get_all("Project-URL", [])
    return dict(url.split(", ", 1) for url in urls).get("Source", "").rstrip("/")


def edit_address(source):
    """Return the template of the address at which the file of a page can be edited."""
    choices = "".join(
        f"{{% {'elif' if i else 'if'} file_name.startswith('{start}') %}}{path}"
        for i, (start, path) in enumerate(MADE_OF.items())
    )
    return f"{source}/{choices}{{% else %}}edit/main/docs/{{{{ file_name }}}}{{% endif %}}"


def public_names():
    """Return (module's name, name, object) of every public class and function."""
    found, seen = [], set()
    for place, module in MODULES.items():
        for name in module.__all__:
            thing = getattr(module, name)
            if (inspect.isclass(thing) or inspect.isfunction(thing)) and thing not in seen:
                seen.add(thing)
                found.append((place, name, thing))
    return found


def write(docs):
    """Write the reference and the page of the benchmarks into the documentation's sources."""
    names = public_names()
    files = {f"api/{place}.{name}.rst": _page(place, name, thing) for place, name, thing in names}
    files["api/index.rst"] = _reference(names)
    files["guide/loads.md"] = _loads()
    files["benchmarks/index.md"] = _benchmarks(docs / "benchmarks", docs.parent / "benchmarks")
    for old in (docs / "api").glob("*.rst"):
        if f"api/{old.name}" not in files:
            old.unlink()
    for name, text in files.items():
        path = docs / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _reference(names):
    """Return the page that lists all names by task, each group as a table."""
    groups = {title: [] for title in GROUPS}
    for place, name, thing in names:
        full_name = f"{place}.{name}"
        short = full_name.removeprefix("skdl.")
        title = next(title for title, which in GROUPS.items() if re.fullmatch(which, short))
        groups[title].append((full_name, short, _summary(thing)))
    parts = [_title("API reference")]
    for title, members in groups.items():
        if members:
            parts += [_title(title, "-"), ".. list-table::\n   :widths: 35 65\n"]
            parts += [f"   * - :py:obj:`{s} <{name}>`\n     - {text}" for name, s, text in members]
            parts += [""]
    parts += [".. toctree::\n   :hidden:\n"]
    parts += [f"   {name}" for members in groups.values() for name, _, _ in members]
    return "\n".join(parts) + "\n"


def _summary(thing):
    return inspect.getdoc(thing).partition("\n\n")[0].replace("\n", " ")


def _page(place, name, thing):
    """Return the page of a class or function."""
    parts = [_title(name), f".. currentmodule:: {place}\n"]
    if not inspect.isclass(thing):
        parts.append(f".. autofunction:: {name}\n")
    elif _is_exception(thing):
        parts.append(f".. autoexception:: {name}\n   :show-inheritance:\n")
    else:
        parts.append(f".. autoclass:: {name}\n   :members:\n   :inherited-members:\n")
    parts.append(f".. minigallery:: {place}.{name}\n   :add-heading: Examples that use it\n")
    return "\n".join(parts)


def _title(text, line="="):
    return f"{text}\n{line * len(text)}\n"


def _is_exception(thing):
    return inspect.isclass(thing) and issubclass(thing, BaseException)


def _benchmarks(outputs, scripts):
    """Return the page that shows what the scripts in benchmarks/ have printed."""
    parts = [(outputs / "introduction.md").read_text()]
    for output in sorted(outputs.glob("*.txt")):
        script = scripts / f"{output.stem}.py"
        doc = ast.get_docstring(ast.parse(script.read_text())).split("\n\n")
        parts.append(f"## {doc[0].rstrip('.')}\n")
        usage = ("    ", "python benchmarks/")
        parts += [f"{paragraph}\n" for paragraph in doc[1:] if not paragraph.startswith(usage)]
        parts.append(_as_tables(output.read_text()))
        if (outputs / f"{output.stem}.svg").exists():
            parts.append(f"![{doc[0]}]({output.stem}.svg)\n")
    return "\n".join(parts)


def _as_tables(printed):
    """Return what a benchmark has printed as Markdown.

    Lines that end in a number become rows of a table, whose header is the line before them. In
    other lines with columns, the first is what the rest is about.
    """
    first, *lines = (line for line in printed.splitlines() if line.strip(" ="))
    cells = [list(CELL.finditer(line)) for line in [*lines, ""]]
    is_row = [len(row) > 1 and NUMBER.fullmatch(row[-1][0]) is not None for row in cells]
    parts, header = [f"*{first}*\n"], []
    for i, row in enumerate(cells[:-1]):
        texts = [cell[0] for cell in row]
        if is_row[i]:
            parts.append(_row(_in_columns(row, header) if len(row) < len(header) else texts))
        elif is_row[i + 1]:
            n_labels = max(len(cells[i + 1]) - len(row), 0)
            header = [None] * n_labels + row
            n_left = max(n_labels, 1)
            parts += ["", _row([""] * n_labels + texts)]
            parts.append(_row(["---"] * n_left + ["---:"] * (len(header) - n_left)))
        else:
            parts.append("\n" + " ".join([f"- **{texts[0]}**:", *texts[1:]] if row[1:] else texts))
    return "\n".join(parts) + "\n"


def _in_columns(row, header):
    """Return the cells of a row that lacks some, each in the column that it is in line with."""
    texts = [""] * len(header)
    for cell in row:
        lined_up = [
            i
            for i, head in enumerate(header)
            if head and (head.start() == cell.start() or head.end() == cell.end())
        ]
        texts[lined_up[0] if lined_up else texts.index("")] = cell[0]
    return texts


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _loads():
    """Return the page that lists what a file may hold without being trusted."""
    groups = {}
    for title, module, listed in known.ESTIMATORS:
        groups.setdefault(title, []).extend((module, name) for name in listed.split())
    parts = ["# What loads without being trusted\n", LOADS]
    for title, members in groups.items():
        lines = [f"| {name} | `{module}` |" for module, name in members]
        parts += [f"## {title}\n", "| class | from |\n|---|---|", *lines, ""]
    parts += ["## Within estimators\n", "| what | from |\n|---|---|"]
    for why, module, listed in (*known.OBJECTS, *known.FUNCTIONS, *known.TYPES):
        names_ = ", ".join(f"`{name}`" for name in listed.split())
        parts.append(f"| {names_}: {why} | `{module}` |")
    functions = known.known_names()["FunctionNode"]
    for title, start in SETS.items():
        found = sorted({n.rsplit(".", 1)[1] for n in functions if n.startswith(start)})
        parts.append(f"| {title}: {', '.join(f'`{name}`' for name in found)} | `{start[:-1]}` |")
    layers = sorted(n.rsplit(".", 1)[1] for n in known_objects() if n.startswith("keras.layers."))
    parts += [
        "\n## Keras\n",
        "All of `keras.optimizers`, `optimizers.schedules`, `losses`, `metrics`, `initializers`, "
        "`regularizers`, `constraints` and `activations`, and of `keras.layers`:\n",
        ", ".join(f"`{name}`" for name in layers) + ".",
    ]
    return "\n".join(parts) + "\n"


@cache
def _module_of_code(place, name):
    """Return the module in which a public name is written, whose `__module__` is its place."""
    thing = getattr(importlib.import_module(place), name)
    for module in list(sys.modules):
        if module.startswith("skdl.") and vars(sys.modules[module]).get(name) is thing:
            source = inspect.getsource(sys.modules[module])
            if re.search(rf"^(class|def) {name}\b", source, re.MULTILINE):
                return module
    return None


def _follow(app, place, attribute):
    return _module_of_code(place, attribute.partition(".")[0])


def _visit_math(self, node):
    self.body.append(tex2mathml(node.astext(), as_block=node.tagname == "math_block"))
    raise SkipNode


def setup(app):
    """Register the renderer of formulas, and tell `sphinx.ext.viewcode` where code is."""
    app.setup_extension("sphinx.ext.viewcode")
    app.connect("viewcode-follow-imported", _follow)
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_math, None))
    return {"parallel_read_safe": True}
