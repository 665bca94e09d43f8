"""Draws two results of the benchmarks, for docs/performance.md.

    uv run benchmarks/draw_results.py

writes PNG files into the folder figures and prints their names: step_times.png, from the first
table of docs/performance.md, and accuracy_over_time.png, from accuracy_over_time.json.
"""

import argparse
import json
import os
import re

import matplotlib
import matplotlib.ticker
from accuracy_over_time import RESULTS, ROOT

import draw_figures

PAGE = os.path.join(ROOT, "docs", "performance.md")
OURS, OTHERS = "#2166ac", "#b0b0b0"
ACCURACIES = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99]
TIMES = {1: "1 s", 3: "3 s", 10: "10 s", 30: "30 s", 100: "100 s", 300: "5 min", 1800: "30 min"}


def step_times(page):
    """Returns the rows of the first table of a page: names and milliseconds per step."""
    section = re.sub(r"[*`]", "", page.split("\n## ")[1])
    rows = re.findall(r"^\| (.+?) \| ([0-9.]+) \|", section, re.MULTILINE)
    return [(name, float(ms)) for name, ms in rows]


@matplotlib.rc_context(draw_figures.STYLE)
def draw_step_times(rows):
    """Returns a figure with a bar for each contender, the fastest at the bottom."""
    rows = sorted(rows, key=lambda row: -row[1])
    names = [re.sub(", | (?=on )", "\n", name, count=1) for name, _ in rows]
    figure = draw_figures.new_figure(0.72 * len(rows) + 0.9)
    axes = figure.add_subplot(1, 1, 1)
    colors = [OURS if "mnist_deep" in name else OTHERS for name in names]
    bars = axes.barh(range(len(rows)), [ms for _, ms in rows], color=colors)
    for bar, (_, ms) in zip(bars, rows):
        middle = bar.get_y() + bar.get_height() / 2
        axes.text(ms + 0.6, middle, f"{ms:.1f}", va="center", fontsize=16)
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels(names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * rows[0][1])
    axes.set_xlabel("milliseconds per training step")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout(pad=0.6)
    return figure


@matplotlib.rc_context(draw_figures.STYLE)
def draw_accuracy_over_time(results):
    """Returns a figure of accuracies: a color for each script, a line style for each TensorFlow."""
    figure = draw_figures.new_figure(6)
    axes = figure.add_subplot(1, 1, 1)
    for style, version in zip(("-o", "--s"), sorted(results)):
        for number, (script, points) in enumerate(sorted(results[version].items())):
            seconds, _, accuracies = zip(*points)
            label = f"{script}.py" if style == "-o" else None
            axes.plot(
                seconds, accuracies, style, color=f"C{number}", markersize=4, linewidth=2,
                label=label,
            )  # fmt: skip
    for style, version in zip(("-o", "--s"), sorted(results)):  # for the legend
        axes.plot([], [], style, color="black", markersize=4, label=f"TensorFlow {version}")
    axes.set_xscale("log")
    axes.set_yscale("logit")
    axes.xaxis.set_major_locator(matplotlib.ticker.FixedLocator(list(TIMES)))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: TIMES.get(x, "")))
    axes.yaxis.set_major_locator(matplotlib.ticker.FixedLocator(ACCURACIES))
    axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.set_ylabel("accuracy on the test images")
    axes.set_xlabel("time since the start of the script")
    axes.grid(alpha=0.4)
    axes.legend(loc="lower right", fontsize=13)
    figure.tight_layout(pad=0.6)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    draw_figures.add_figures_dir(parser)
    flags = parser.parse_args()
    with open(PAGE, encoding="utf-8") as page, open(RESULTS) as results:
        figures = {
            "step_times.png": draw_step_times(step_times(page.read())),
            "accuracy_over_time.png": draw_accuracy_over_time(json.load(results)),
        }
    draw_figures.write_all(figures.items(), flags.figures_dir)


if __name__ == "__main__":
    main()
