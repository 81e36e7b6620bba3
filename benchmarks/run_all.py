"""Run the benchmarks and store their output for the documentation.

The output of each script is written unchanged to docs/benchmarks/<script>.txt; it begins with the
date and versions. If it has lines with the ratio to skdl, a figure of these ratios is drawn.

    python benchmarks/run_all.py [script ...]
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs" / "benchmarks"
NO_SCRIPTS = {"gpu", "machine", "run_all", "table_data"}
# Label and ratio to skdl, in the lines of the scripts that print one.
RATIOS = {
    "convnet": r"(?P<label>\w.*?) +[\d.]+ +(?P<ratio>[\d.]+) +[\d.]+ +[\d.]+ +[\d.]+$",
    "pretrained": r"(?P<label>\w+ +\w+) +[\d.]+ +(?P<ratio>[\d.]+)$",
    "search": r"(?P<label>[a-z][\w, ]*?) +[\d.]+ +[\d.]+ +(?P<ratio>[\d.]+)  ",
    "sparse": r"(?P<label>\w[\w, ]*?) +[\d.]+ +(?P<ratio>[\d.]+)$",
    "training": r"(?P<label>\w+ +\w+) +[\d.]+ +(?P<ratio>[\d.]+)$",
}


def draw(name, text):
    """Draw the ratios to skdl as points on a logarithmic scale."""
    from matplotlib import pyplot as plt

    found = [re.match(RATIOS[name], line) for line in text.splitlines()]
    points = [(" ".join(m["label"].split()), float(m["ratio"])) for m in found if m]
    labels, ratios = zip(*reversed(points), strict=True)
    plt.rcParams.update({"svg.hashsalt": name, "svg.fonttype": "none"})
    _, ax = plt.subplots(figsize=(6.4, 0.8 + 0.28 * len(points)), layout="constrained")
    colors = ["#0072b2" if "skdl" in label else "#d55e00" for label in labels]
    ax.scatter(ratios, labels, color=colors, zorder=2)
    for ratio, label in zip(ratios, labels, strict=True):
        ax.annotate(f"{ratio:.2g}", (ratio, label), (7, -3), textcoords="offset points")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    ax.margins(x=0.12, y=0.5 / len(points))
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.8)
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_xlabel("times as long as skdl")
    ax.spines[["top", "right"]].set_visible(False)
    ax.figure.savefig(DOCS / f"{name}.svg", metadata={"Date": None})


def draw_growth(text):
    """Draw what an epoch and a prediction take of the processors as each size grows."""
    from matplotlib import pyplot as plt

    tables = re.split(r"\n(?=\w+: )", text)[1:]
    plt.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none"})
    size = (2.6 * len(tables), 4.6)
    figure, grid = plt.subplots(2, len(tables), figsize=size, squeeze=False, layout="constrained")
    colors = {"skdl": "#0072b2", "MLP": "#d55e00", "Keras": "#009e73"}
    for table, axes in zip(tables, grid.T, strict=True):
        pattern = r"^([\d,]+) +(skdl|MLP|Keras) +[\d.]+ +([\d.]+) +[\d.]+ +([\d.]+)"
        rows = re.findall(pattern, table, re.MULTILINE)
        for library, color in colors.items():
            found = [row for row in rows if row[1] == library]
            sizes = [int(row[0].replace(",", "")) for row in found]
            for ax, column in zip(axes, (2, 3), strict=True):
                if found:
                    seconds = [float(row[column]) for row in found]
                    ax.loglog(sizes, seconds, "o-", color=color, label=library, markersize=4)
                ax.minorticks_off()
                ax.spines[["top", "right"]].set_visible(False)
        axes[0].set_title(table.split(":")[0])
    grid[0, 0].set_ylabel("processor seconds, epoch")
    grid[1, 0].set_ylabel("processor seconds, prediction")
    grid[0, 0].legend(frameon=False)
    figure.savefig(DOCS / "growth.svg", metadata={"Date": None})


def main():
    scripts = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_SCRIPTS)
    DOCS.mkdir(exist_ok=True)
    for name in sys.argv[1:] or scripts:
        print(f"{name} ...", flush=True)
        command = [sys.executable, str(HERE / f"{name}.py")]
        text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        (DOCS / f"{name}.txt").write_text(text)
        if name in RATIOS:
            draw(name, text)
        elif name == "growth":
            draw_growth(text)


if __name__ == "__main__":
    main()
