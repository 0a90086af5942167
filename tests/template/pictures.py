"""The dashboards as pictures: CloudWatch draws them in the cloud alone, so a body is read here as its page describes it,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html, and filled with the lines
that functions wrote on this machine.

`python tests/template/pictures.py` plays the sandbox and keeps them as infra/runbooks/pictures/dashboard-*.png."""

import ast
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from translated import ROOT, source  # noqa: E402

SECONDS = {"-PT3H": 3 * 3600, "-P7D": 7 * 86400}
PALETTE = [*matplotlib.colormaps["tab20"].colors[::2], *matplotlib.colormaps["tab20"].colors[1::2]]
HEIGHT = 2.1  # of a widget, in inches


def dashboards(template=None):
    """Name → body, its references left as they are."""
    resources = (template or source())["Resources"].values()
    found = [r["Properties"] for r in resources if r["Type"] == "AWS::CloudWatch::Dashboard"]
    return {p["DashboardName"].removeprefix("payonce-"): json.loads(p["DashboardBody"]["Fn::Sub"]) for p in found}


def play():
    """The lines that the functions wrote while the sandbox's samples were played."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        playing = ["cargo", "run", "--quiet", "--locked", "--", "--exit", "--port", "0", "--log", log]
        subprocess.run(playing, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return log.read_text().splitlines()


class Figures:
    """What CloudWatch would keep of lines in its embedded metric format."""

    def __init__(self, lines):
        self.points = defaultdict(list)
        for line in filter(lambda line: '"_aws"' in line, lines):
            read = json.loads(line)
            for directive in read["_aws"]["CloudWatchMetrics"]:
                for dimensions in directive["Dimensions"]:
                    of = tuple((name, read[name]) for name in dimensions)
                    for metric in directive["Metrics"]:
                        value = read[metric["Name"]]
                        values = value if isinstance(value, list) else [value]
                        key = (directive["Namespace"], metric["Name"], of)
                        self.points[key].append((read["_aws"]["Timestamp"] / 1000, values))

    def stretched(self, seconds):
        """The same over a longer time: a play is over in half a minute, and a dashboard shows hours."""
        times = [at for points in self.points.values() for at, _ in points]
        first, factor = min(times), seconds * 0.98 / max(1, max(times) - min(times))
        longer = Figures([])
        for key, points in self.points.items():
            longer.points[key] = [((at - first) * factor, values) for at, values in points]
        return longer

    def series(self, key, statistic, period):
        bins = defaultdict(list)
        for at, values in self.points.get(key, []):
            bins[int(at // period)] += values
        return {place: _statistic(statistic, values) for place, values in bins.items()}


def _statistic(name, values):
    if name.startswith("p"):
        return sorted(values)[min(len(values) - 1, int(len(values) * int(name[1:]) / 100))]
    return {"Sum": sum, "Maximum": max, "Minimum": min, "Average": statistics.mean}[name](values)


def lines_of(widget, figures, seconds):
    """Label → points of each line that a widget shows."""
    properties = widget["properties"]
    period = seconds if properties.get("setPeriodToTimeRange") else properties["period"]
    by_id, shown = {}, {}
    for *key, options in properties["metrics"]:
        if "expression" in options:
            line = _computed(options["expression"], by_id)
        else:
            namespace, metric, *rest = key
            dimensions = tuple(zip(rest[::2], rest[1::2]))
            line = figures.series((namespace, metric, dimensions), options["stat"], period)
        by_id[options.get("id")] = line
        if options.get("visible", True):
            shown[options["label"]] = {place * period: value for place, value in line.items()}
    return shown


def _computed(expression, by_id):
    """`SUM([m0,m1])`, and `100*SUM([…])/SUM([…])` or what is left of 100: at each time at which there is anything."""
    sums = re.findall(r"SUM\(\[([\w,]+)\]\)", expression)
    assert sums, expression
    places = {place for ids in sums for one in ids.split(",") for place in by_id[one]}
    line = {}
    for place in places:
        each = [sum(by_id[one].get(place, 0) for one in ids.split(",")) for ids in sums]
        values = iter(each)
        formula = re.sub(r"SUM\(\[[\w,]+\]\)", lambda _: f"({next(values)})", expression)
        try:
            line[place] = _arithmetic(ast.parse(formula, mode="eval").body)
        except ZeroDivisionError:
            continue
    return line


def _arithmetic(node):
    if isinstance(node, ast.Constant):
        return node.value
    left, right = _arithmetic(node.left), _arithmetic(node.right)
    return {ast.Mult: left * right, ast.Sub: left - right, ast.Div: left / right if isinstance(node.op, ast.Div) else 0}[type(node.op)]


def draw(name, body, figures, path):
    """One picture of a dashboard; what was drawn, by title and label."""
    seconds = SECONDS[body["start"]]
    figures = figures.stretched(seconds)
    rows = max(widget["y"] + widget["height"] for widget in body["widgets"]) // 6
    picture = pyplot.figure(figsize=(15, HEIGHT * rows + 0.6), dpi=90)
    grid = picture.add_gridspec(rows, 24, hspace=0.65, wspace=2.2, left=0.03, right=0.985, top=1 - 0.75 / (HEIGHT * rows + 0.6), bottom=0.3 / (HEIGHT * rows))
    picture.suptitle(f"payonce-{name}: a play of the sandbox, its half minute stretched over {body['start'].lstrip('-')}", fontsize=11, x=0.03, ha="left")
    drawn = {}
    for widget in body["widgets"]:
        row, column = widget["y"] // 6, widget["x"]
        axes = picture.add_subplot(grid[row, column : column + widget["width"]])
        axes.set_title(widget["properties"]["title"], fontsize=9, loc="left", fontweight="bold")
        drawn[widget["properties"]["title"]] = _draw(widget, axes, figures, seconds)
    picture.savefig(path)
    pyplot.close(picture)
    return drawn


def _draw(widget, axes, figures, seconds):
    properties = widget["properties"]
    axes.tick_params(labelsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if widget["type"] != "metric":
        axes.set_axis_off()
        what = f"the state of {len(properties['alarms'])} alarms" if widget["type"] == "alarm" else "lines of the logs"
        axes.text(0.5, 0.5, f"{what}: only CloudWatch has them", ha="center", va="center", fontsize=9, color="#777777")
        return {}
    lines = lines_of(widget, figures, seconds)
    filled = {label: line for label, line in lines.items() if line}
    if properties["view"] == "singleValue":
        axes.set_axis_off()
        [(label, line)] = lines.items()
        value = f"{max(line.values()):.4g}" if line else "no data"
        axes.text(0.5, 0.55, value, ha="center", va="center", fontsize=26, color=PALETTE[0] if line else "#aaaaaa")
        axes.text(0.5, 0.12, label, ha="center", fontsize=8, color="#555555")
        return filled
    for colour, (label, line) in enumerate(filled.items()):
        at = sorted(line)
        axes.plot([t / 3600 for t in at], [line[t] for t in at], marker="o", markersize=2.5, linewidth=1.2, label=label, color=PALETTE[colour % len(PALETTE)])
    axes.set_xlim(0, seconds / 3600)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("hours", fontsize=7, labelpad=1)
    if filled:
        # A play ends before the dashboard's time does: there is room on the right.
        axes.legend(fontsize=6.5, loc="upper right", ncols=1 + len(filled) // 7, framealpha=0.8)
    else:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", fontsize=10, color="#aaaaaa")
    return filled


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "infra" / "runbooks" / "pictures"
    figures = Figures(play())
    for name, body in dashboards().items():
        draw(name, body, figures, folder / f"dashboard-{name}.png")
        print(folder / f"dashboard-{name}.png")
