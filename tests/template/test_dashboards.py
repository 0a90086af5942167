"""The dashboards as CloudWatch reads them, and drawn from what functions wrote on this machine."""

import json
import re

import pytest
from pictures import Figures, dashboards, draw, lines_of, play
from translated import PROVIDERS

BODIES = dashboards()


@pytest.fixture(scope="module")
def figures():
    return Figures(play())


@pytest.mark.parametrize("name", BODIES)
def test_widgets_lie_in_the_grid_side_by_side(name):
    taken = set()
    for widget in BODIES[name]["widgets"]:
        place = {(x, y) for x in range(widget["x"], widget["x"] + widget["width"]) for y in range(widget["y"], widget["y"] + widget["height"])}
        assert not place & taken and all(x < 24 for x, _ in place), widget["properties"]["title"]
        taken |= place


@pytest.mark.parametrize("name", BODIES)
def test_widget_says_what_its_kind_must_say(name):
    for widget in BODIES[name]["widgets"]:
        properties = widget["properties"]
        if widget["type"] == "alarm":
            assert 1 <= len(properties["alarms"]) <= 100
            continue
        assert properties["region"] == "${AWS::Region}"
        if widget["type"] == "log":
            assert properties["query"].startswith("SOURCE '${")
            continue
        assert properties["view"] in ("timeSeries", "singleValue") and properties["period"] % 60 == 0
        options = [metric[-1] for metric in properties["metrics"]]
        ids = [option["id"] for option in options if "id" in option]
        assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[a-z]\w*", one) for one in ids)
        for option in options:
            used = re.findall(r"\bm\d+\b", option.get("expression", ""))
            assert set(used) <= set(ids)
            assert option.get("visible", True) is False or option["label"]


def test_what_functions_wrote_is_on_a_dashboard(figures):
    shown = {
        (metric[1], tuple(zip(metric[2:-1:2], metric[3:-1:2])))
        for body in BODIES.values()
        for widget in body["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == "payonce"
    }
    written = {(metric, of) for (namespace, metric, of), _ in figures.points.items() if namespace == "payonce"}
    ours = {(metric, of) for metric, of in written if not of or of[0][1] in PROVIDERS}
    assert len(ours) > 60 and ours - shown == set()


def test_each_dashboard_is_drawn_from_a_local_run(figures, tmp_path):
    drawn = {name: draw(name, body, figures, tmp_path / f"{name}.png") for name, body in BODIES.items()}
    assert all((tmp_path / f"{name}.png").stat().st_size > 20_000 for name in BODIES)
    # What a play brings about: payouts, refusals, an outage, a dead worker, a case.
    for name, title in {
        "executive": "Payouts that the rail took, of those claimed",
        "on-call": "Deliveries that were answered well, by provider",
        "debug": "Each step of a delivery, 99 of 100 within, ms",
    }.items():
        assert any(line for line in drawn[name][title].values()), title
    for title in ("Money at risk, of what is allowed, %", "Age of the oldest open case, seconds", "Cases for finance, each day"):
        assert any(value > 0 for line in drawn["executive"][title].values() for value in line.values()), title
    answered = drawn["on-call"]["Deliveries that were answered well, by provider"]
    assert set(answered) == {f"answered well, % {provider}" for provider in PROVIDERS}
    assert all(0 <= value <= 100 for line in answered.values() for value in line.values())


def test_share_is_of_what_came_in_each_period():
    def line(at, **values):
        metrics = [{"Name": name} for name in values]
        directive = {"Namespace": "payonce", "Dimensions": [["provider"]], "Metrics": metrics}
        return json.dumps({"_aws": {"Timestamp": at * 1000, "CloudWatchMetrics": [directive]}, "provider": "stripe", **values})

    figures = Figures([line(0, Deliveries=4, Refused503=1, Refused401=0, TooLarge=0), line(700, Deliveries=1, Refused503=0, Refused401=1, TooLarge=0)])
    [widget] = [w for w in BODIES["on-call"]["widgets"] if w["properties"]["title"] == "Deliveries that were answered well, by provider"]
    assert lines_of(widget, figures, 3 * 3600)["answered well, % stripe"] == {0: 75, 600: 0}
