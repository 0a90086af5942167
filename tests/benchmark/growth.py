"""The picture of infra/scale.md: what `payonce-benchmark growth --write` hands over on stdin, into the file it names. A panel for each thing
that grows, both axes by powers of ten: what grows as fast as its cause is as steep as the dotted line."""

import json
import sys

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

COLOURS = ["#1f5399", "#b04a10"]


def panel(axes, grows, lines):
    for line, colour in zip(lines, COLOURS):
        axes.loglog(*zip(*line["points"]), marker="o", markersize=4, color=colour, label=line["counted"])
    # From the first point of the first line, as steep as what grows.
    (first, cost), (last, _) = lines[0]["points"][0], lines[0]["points"][-1]
    axes.loglog([first, last], [cost, cost * last / first], linestyle=":", color="#8a8a8a", label="as steep as its cause")
    axes.set_title(grows, fontsize=10)
    axes.grid(True, which="major", color="#e4e4e4")
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def main():
    panels = {}
    for line in json.load(sys.stdin):
        panels.setdefault(line["grows"], []).append(line)
    figure, axes = plt.subplots(2, 3, figsize=(14, 8), layout="constrained")
    for one, (grows, lines) in zip(axes.flat, panels.items(), strict=True):
        panel(one, grows, lines)
    figure.savefig(sys.argv[1], dpi=100, metadata={"Software": None})


main()
