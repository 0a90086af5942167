"""The picture of infra/comparison.md: what `payonce-benchmark rivals --write` hands over on stdin, into the file it names."""

import json
import sys
import textwrap

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

FIGURES = ["p50, ms", "p99, ms", "CPU, µs a delivery", "init, ms", "peak memory, MiB"]
OURS, FLOOR, THEIRS = "#1f6f4a", "#8a8a8a", "#3b6ea5"
WELL, BADLY = "#d5ecdc", "#f6cfca"


def colour(name):
    return {"payonce": OURS, "floor": FLOOR}.get(name, THEIRS)


def shown(value):
    """Three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def bars(axes, speed, figure):
    names = [one["name"] for one in speed]
    for place, one in enumerate(speed):
        low, median, high = one[figure]
        axes.barh(place, median, color=colour(one["name"]), height=0.7)
        axes.plot([low, high], [place, place], color="black", linewidth=1)
        axes.text(max(median, high), place, f"  {shown(median)}", va="center", fontsize=7)
    axes.set_title(figure, fontsize=9)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, axes.get_xlim()[1] * 1.25)
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def matrix(axes, faults, came):
    axes.axis("off")
    wrapped = [textwrap.fill(fault, 18) for fault in faults]
    texts = [[textwrap.fill(cell["text"].replace("**", ""), 20) for cell in row["cells"]] for row in came]
    colours = [[WELL if cell["is_well"] else BADLY for cell in row["cells"]] for row in came]
    names = [textwrap.fill(row["name"], 22) for row in came]
    table = axes.table(cellText=texts, cellColours=colours, rowLabels=names, colLabels=wrapped, bbox=[0.1, 0, 0.9, 1])
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    for cell in table.get_celld().values():
        cell.set_edgecolor("white")


def main():
    data = json.load(sys.stdin)
    figure = plt.figure(figsize=(14, 9), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1, 2.2])
    axes = upper.subplots(1, len(FIGURES), sharey=True)
    for one, name in zip(axes, FIGURES, strict=True):
        bars(one, data["speed"], name)
    upper.suptitle("Speed: median over the rounds, lowest to highest", fontsize=10)
    matrix(lower.subplots(), data["faults"], data["came"])
    lower.suptitle("Faults: green where there is at most one payout, and a case where there is none", fontsize=10)
    figure.savefig(sys.argv[1], dpi=110, metadata={"Software": None})


main()
