"""Print pip constraints: of each package that users install the lowest version allowed."""

import re
import tomllib
from pathlib import Path

EXTRAS = ("openml", "plots", "onnx", "save")

with Path(__file__).parents[1].joinpath("pyproject.toml").open("rb") as file:
    project = tomllib.load(file)["project"]
requirements = [*project["dependencies"]]
for extra in EXTRAS:
    requirements += project["optional-dependencies"][extra]
for requirement in requirements:
    name, lowest = re.match(r"([\w.-]+)>=([\d.]+)", requirement).groups()
    print(f"{name}=={lowest}.*" if lowest.count(".") < 2 else f"{name}=={lowest}")
