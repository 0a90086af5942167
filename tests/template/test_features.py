"""Functions share one build of each library: cargo builds it again, and all that is above it, for each set of its features."""

import subprocess
from collections import defaultdict

from translated import ROOT

FUNCTIONS = ["webhook", "sweeper", "retry-audit", "audit-watch", "console", "payer"]


def libraries(package):
    """Name and version of each library that is linked, with its features."""
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "-p", f"{package}@0.1.0", "-e", "normal,no-proc-macro", "-f", "{p}|{f}"]
        + ["--prefix", "none", "--no-dedupe", "--target", "x86_64-unknown-linux-gnu"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = (line.split("|") for line in tree.stdout.splitlines() if "(/" not in line)
    return {(library, features) for library, features in lines}


def test_a_library_has_the_same_features_in_every_function():
    found = defaultdict(lambda: defaultdict(list))
    for function in FUNCTIONS:
        for library, features in libraries(function):
            found[library][features].append(function)
    assert len(found) > 200
    differing = {library: dict(sets) for library, sets in found.items() if len(sets) > 1}
    assert differing == {}, "write what differs into shared/features/Cargo.toml"
