"""The census' rows, held against subjects of a template. functions/retry-audit does the same with what AWS answers."""

import tomllib

from subjects import Subjects
from translated import ROOT

PLACES = tomllib.loads((ROOT / "infra" / "census.toml").read_text())["place"]


def violations(template):
    """(place, subject, what is wrong) for each row that does not hold."""
    subjects = Subjects(template)
    found = []
    for place in PLACES:
        for row in place.get("template", []):
            found += [(place["id"], name, problem) for name, problem in _broken(row, subjects)]
    return found


def _broken(row, subjects):
    chosen = [s for s in subjects.all if _selected(row, s)]
    if "count" in row:
        yield from _miscounted(row, chosen, subjects)
        return
    if not chosen and "kind" not in row and "qualifier" not in row:
        yield row["of"], "there is none to look at"
    for subject in chosen:
        problem = _problem(row, _at(subject.value, row.get("path", "")), subject.words)
        if problem:
            yield subject.name, f"{row.get('path', '')} {problem}"


def _selected(row, subject):
    return subject.of == row["of"] and all(row[key] == getattr(subject, key) for key in ("kind", "table", "qualifier") if key in row)


def _miscounted(row, chosen, subjects):
    owners = [name for name, kind in subjects.functions.items() if row.get("kind", kind.split("/")[0]) == kind.split("/")[0]]
    if row["of"] in ("api", "forbidden_resource", "forbidden_action", "wrong_write", "deployment_hook"):
        if len(chosen) != row["count"]:
            what = "; ".join(f"{s.name}: {s.value if isinstance(s.value, str) else ''}" for s in chosen)
            yield what or row["of"], f"{len(chosen)} of {row['of']}, not {row['count']}"
        return
    if not owners:
        yield row["of"], f"no function of kind {row.get('kind')}"
    for owner in owners:
        count = sum(s.owner == owner for s in chosen)
        if count != row["count"]:
            yield owner, f"{count} of {row['of']} {row.get('qualifier', '')}, not {row['count']}"
    for stray in (s for s in chosen if s.owner not in subjects.functions):
        yield stray.name, f"{row['of']} of an unknown function"


def _at(value, pointer):
    for step in filter(None, pointer.split("/")):
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _problem(row, value, words):
    def filled(text):
        for word, meaning in words.items():
            text = text.replace("{" + word + "}", meaning) if isinstance(text, str) else text
        return text

    if row.get("or_absent") and value in (None, "", [], {}):
        return None
    for rule, holds in {
        "is": lambda wanted: value == filled(wanted),
        "one_of": lambda wanted: value in wanted,
        "all_of": lambda wanted: isinstance(value, list) and set(wanted) <= set(value),
        "absent": lambda _: value in (None, "", [], {}),
        "at_least": lambda wanted: isinstance(value, (int, float)) and value >= wanted,
        "at_most": lambda wanted: isinstance(value, (int, float)) and value <= wanted,
        "starts": lambda wanted: str(value).startswith(filled(wanted)),
        "ends": lambda wanted: str(value).endswith(filled(wanted)),
        "only_keys": lambda wanted: isinstance(value, dict) and set(value) <= set(wanted),
    }.items():
        if rule in row and not holds(row[rule]):
            extra = sorted(set(value) - set(row[rule])) if rule == "only_keys" and isinstance(value, dict) else value
            return f"is {extra!r}, must {rule} {row[rule]!r}"
    return None
