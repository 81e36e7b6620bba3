"""What a report of an error should say of the machine."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import skdl

ROOT = Path(__file__).parents[2]


def names_of(requirements):
    return {re.match(r"[\w.-]+", requirement).group() for requirement in requirements}


def test_versions_of_all_dependencies_are_shown(capsys, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    skdl.show_versions()
    printed = capsys.readouterr().out
    shown = dict(re.findall(r"^ *([\w-]+): (.*)$", printed, re.MULTILINE))
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    wanted = names_of(project["dependencies"])
    for extra in ("openml", "plots", "distributed", "onnx", "save"):
        wanted |= names_of(project["optional-dependencies"][extra])
    assert wanted <= shown.keys()
    assert shown["skdl"] == skdl.__version__
    assert shown["numpy"] == metadata.version("numpy")
    assert shown["KERAS_BACKEND"] == "tensorflow"
    assert sys.version.split()[0] in shown["python"]
    assert sys.executable == shown["executable"]


def test_what_is_not_installed_is_none_and_nothing_is_loaded():
    script = """if True:
        import sys
        from importlib import metadata
        ours = metadata.version
        def version(name):
            if name == "openml":
                raise metadata.PackageNotFoundError(name)
            return ours(name)
        metadata.version = version
        import skdl
        skdl.show_versions()
        assert not {"tensorflow", "keras", "scikeras", "pandas"} & set(sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ +openml: None$", done.stdout, re.MULTILINE)


def test_the_citation_names_the_version():
    assert f"\nversion: {skdl.__version__}\n" in (ROOT / "CITATION.cff").read_text()
