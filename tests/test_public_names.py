"""The public names: the stub that types and lazy imports come from, beside what is really there."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import skdl

STUB = Path(skdl.__file__).with_suffix(".pyi")


def test_the_stub_names_what_each_module_defines():
    for node in ast.parse(STUB.read_text()).body:
        for name in node.names if isinstance(node, ast.ImportFrom) else ():
            found = getattr(skdl, name.name)
            if node.module is not None:
                defined = sys.modules[f"skdl.{node.module}"]
                assert getattr(defined, name.name) is found
                assert found.__module__ == "skdl", name.name
            else:
                assert inspect.ismodule(found)


def test_names_come_late_and_a_typo_is_an_error():
    assert set(skdl.__all__) <= set(dir(skdl))
    code = "import sys, skdl; assert not {'keras', 'sklearn', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="DenseClasifier"):
        skdl.DenseClasifier  # noqa: B018


@pytest.mark.slow
def test_types_hold_for_a_caller(tmp_path):
    """A fit returns its own class, and arguments of a wrong type are errors."""
    mypy = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text(
        "import numpy as np\n"
        "from skdl import DenseClassifier, DenseRegressor, LossCurveDisplay, build_dense, load\n"
        "X, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])\n"
        "reveal_type(DenseClassifier)\n"
        "reveal_type(DenseClassifier(8, epochs=5).fit(X, y))\n"
        "reveal_type(DenseRegressor().predict(X))\n"
        "reveal_type(DenseRegressor().history_)\n"
        'DenseClassifier(8, epochs="five")\n'
        "DenseClassifier(hidden_size=8)\n"
    )
    out, _, code = mypy.run(["--cache-dir", str(tmp_path / "cache"), str(program)])
    assert code == 1, out
    said = [line for line in out.splitlines() if "program.py" in line]
    assert "skdl._estimators.dense.DenseClassifier" in said[0]
    assert 'Revealed type is "skdl._estimators.dense.DenseClassifier"' in said[1]
    assert "ndarray" in said[2]
    assert "dict[str, list" in said[3]
    assert 'Argument "epochs" to "DenseClassifier" has incompatible type "str"' in out
    assert 'Unexpected keyword argument "hidden_size"' in out
    assert sum("error:" in line for line in said) == 2, out
