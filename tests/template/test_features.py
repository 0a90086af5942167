"""One build of each library: cargo builds it again, and all that is above it, for each set of its features. Functions share theirs
as they are deployed, and all packages share theirs when they are tested."""

import json
import subprocess

from translated import ROOT

# The last one is the webhook with a clock that panics, which tests run beside them.
FUNCTIONS = ["webhook", "sweeper", "reconciler", "retry-audit", "audit-watch", "notices", "console", "payer", "panics"]


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def libraries(*packages, edges):
    """Name and version of each library that is linked, with its features; of all packages without a name."""
    which = [word for package in packages for word in ("-p", f"{package}@0.1.0")] or ["--workspace"]
    tree = cargo("tree", "--locked", *which, "-e", edges, "-f", "{p}|{f}", "--prefix", "none", "--target", "x86_64-unknown-linux-gnu")
    lines = (line.removesuffix(" (*)").split("|") for line in tree.splitlines() if "|" in line and "(/" not in line)
    return {(library, features) for library, features in lines}


def test_library_has_the_same_features_in_every_function():
    """Also what macros and build scripts are made of: with another macro, whatever uses it is another library."""
    edges = "normal,build"
    together = libraries(*FUNCTIONS, edges=edges)
    assert len(together) > 250
    differing = {function: sorted(libraries(function, edges=edges) - together) for function in FUNCTIONS}
    differing = {function: those for function, those in differing.items() if those}
    assert differing == {}, "write what differs into shared/features/Cargo.toml"
    # Of what is linked, none has two sets of them, not even one that a build script has, too.
    linked = set().union(*(libraries(function, edges="normal,no-proc-macro") for function in FUNCTIONS))
    assert len(linked) > 200 and len(linked) == len({library for library, _ in linked})


def packages():
    found = json.loads(cargo("metadata", "--locked", "--no-deps", "--format-version", "1"))["packages"]
    # Without code, and part of all others; and what has a profile of its own, which shares no build.
    return sorted({package["name"] for package in found} - {"payonce-features", "payonce-model"})


def test_package_has_the_same_features_alone_as_with_all_others():
    """`cargo test -p X` after `cargo test --workspace`, or after another one's, builds no library again."""
    together = libraries(edges="normal,build,dev")
    assert len(together) > 250
    differing = {name: sorted(libraries(name, edges="normal,build,dev") - together) for name in packages()}
    differing = {name: those for name, those in differing.items() if those}
    assert differing == {}, "write what differs into tests/features/Cargo.toml, and that crate into the package's dev-dependencies"


def test_local_stack_is_built_once_for_running_and_for_tests():
    assert sorted(libraries("payonce-local", edges="normal,build") - libraries(edges="normal,build,dev")) == []
