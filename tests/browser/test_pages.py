"""Every page: that people of every kind can read and use it, and that nothing comes from elsewhere."""

import json
import urllib.request
from pathlib import Path

import pytest
from person import Person
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# 640 is what is left of 1280 at 200 %.
WIDTHS = [1280, 640, 320]


@pytest.fixture(scope="module")
def pages(stack, ada, ben, nik):
    """Who looks at what: every kind of page."""
    refused, resolved, waits = stack.refused(), stack.refused(), stack.refused()
    held = stack.never_sent("acct_1Payee", "acct_2Payee")
    key = next(case["payout_key"] for case in stack.cases() if case["id"] == refused)
    ada.case(resolved).propose("written_off", "other", "Small.")
    ben.case(resolved).press("Approve")
    ada.case(waits).propose("written_off", "other", "Small.")
    ada.select(held, "release", "never_sent", "The rail was away.").go("//form[contains(@action, '/bulk/confirm')]//button")
    batch = ada.sign_in_afresh().here()
    reasons = {case["reason"]: case["id"] for case in stack.cases()}
    pages = {
        "queue": (ada, ""),
        "queue, by risk": (ada, "?sort=risk"),
        "queue, filtered": (ada, "?reason=payout_rejected&currency=EUR"),
        "queue, nothing matches": (ada, "?currency=XXX&from=999999"),
        "queue, not understood": (ada, "?status=lost"),
        "case, resolved": (ada, f"/cases/{resolved}"),
        "case, own proposal": (ada, f"/cases/{waits}"),
        "case, to approve": (ben, f"/cases/{waits}"),
        "payout": (ada, f"/payouts?key={key}"),
        "queue, to approve": (ben, "?view=to-approve"),
        "queue, mine": (ada, "?view=mine"),
        "resolved": (ada, "/resolved"),
        "resolved, not understood": (ada, "/resolved?from=yesterday"),
        "search, nothing": (ada, "/search?q=nothing-of-this-name"),
        "search, several": (ada, "/search?q=ACCT_"),
        "search, not begun": (ada, "/search"),
        "batches": (ada, "/batches"),
        "batch, own": (ada, batch),
        "batch, to approve": (ben, batch),
        "absence": (ada, "/absence"),
        "books": (ada, "/books"),
        "bank": (ada, "/bank"),
        "not found": (ada, "/nowhere"),
        "no role": (nik, ""),
        "signed out": (ada, "/signed-out"),
    }
    for reason, case in reasons.items():
        pages[f"case, {reason}"] = (ada, f"/cases/{case}")
    runs = ada.open("/books").browser.find_elements(By.XPATH, "//table[contains(@class, 'runs')]//th/a")
    for run in [run.get_attribute("href").removeprefix(stack.base) for run in runs]:
        pages[f"run, {run}"] = (ada, run)
    return pages


def seen(person, width, colours):
    person.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    person.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": colours}]}
    )


def violations(person):
    person.browser.execute_script(AXE.read_text())
    found = person.browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {runOnly: arguments[0], resultTypes: ['violations']}).then((found) => done(found.violations))",
        RULES,
    )
    return [(rule["id"], rule["help"], [node["html"][:160] for node in rule["nodes"]]) for rule in found]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_pass_axe(pages, width, colours):
    assert AXE.exists(), f"{AXE} is missing: npm ci --prefix tests/browser"
    wrong = {}
    for name, (person, path) in pages.items():
        seen(person, width, colours)
        person.open(path)
        if found := violations(person):
            wrong[name] = found
        overflow = person.browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
        if overflow > 0:
            wide = person.browser.execute_script(
                "return [...document.querySelectorAll('main *')].filter((it) => it.getBoundingClientRect().right > innerWidth)"
                ".map((it) => it.outerHTML.slice(0, 120)).slice(-3)"
            )
            wrong.setdefault(name, []).append(f"{overflow} px wider than the window: {wide}")
    for person in {person for person, _ in pages.values()}:
        person.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        person.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert not wrong, json.dumps(wrong, indent=2)


def test_axe_finds_planted_faults(ada):
    ada.open()
    ada.browser.execute_script(
        "document.documentElement.removeAttribute('lang'); document.querySelector('label[for=b-act]').remove();"
        "document.querySelector('h1').style.color = '#ccc'; document.querySelector('h1').style.background = '#ddd'"
    )
    assert {"html-has-lang", "select-name", "color-contrast"} <= {rule for rule, _, _ in violations(ada)}


def test_preview_and_result_pass_axe(stack, ada):
    cases = [stack.refused(), stack.refused()]
    ada.select(cases, "take")
    assert violations(ada) == []
    ada.go("//form[contains(@action, '/bulk/confirm')]//button")
    assert violations(ada) == []


STATEMENT = """:20:A
:25:NL08PAYO0000000001
:28C:1/1
:60F:C261130EUR1000,00
:61:261130D42,00NTRFNONREF
:86:/EREF/stripe/pi_browser/REMI/thanks
:62F:C261130EUR{closing}
-
"""


def test_bank_file_is_read_first_and_imported_and_both_pages_pass_axe(ada, tmp_path):
    whole, spoiled = tmp_path / "monday.sta", tmp_path / "spoiled.sta"
    whole.write_text(STATEMENT.format(closing="958,00"))
    spoiled.write_text(STATEMENT.format(closing="957,00"))

    def hand_in(path):
        ada.open("/bank").find("//input[@type='file']").send_keys(str(path))
        return ada.press("See what it adds")

    hand_in(spoiled)
    assert "but the closing balance is 957.00 EUR" in ada.main()
    assert violations(ada) == []
    hand_in(whole)
    assert "1 new, 0 known, 0 changed, 0 doubtful" in ada.main()
    assert violations(ada) == []
    ada.press("Import")
    assert "monday.sta is imported" in ada.told()
    assert violations(ada) == []
    large = tmp_path / "large.sta"
    large.write_bytes(b":20:" + b"x" * (3 << 20))
    field = ada.open("/bank").find("//input[@type='file']")
    field.send_keys(str(large))
    assert field.get_property("validationMessage") == "The file is larger than 3 MB."


def test_pages_ask_no_other_host_and_keep_their_policy(stack, pages):
    for name, (person, path) in pages.items():
        for log in ("browser", "performance"):
            person.browser.get_log(log)
        person.open(path)
        said = [entry["message"] for entry in person.browser.get_log("browser")]
        # A page that says 400, 403 or 404 is one of ours, and Chromium notes it; and that a word is no day for its field.
        noted = ("status of 400", "status of 403", "status of 404", "does not conform to the required format")
        assert not [text for text in said if not any(note in text for note in noted)], (name, said)
        asked = [json.loads(entry["message"])["message"] for entry in person.browser.get_log("performance")]
        urls = [one["params"]["request"]["url"] for one in asked if one["method"] == "Network.requestWillBeSent"]
        elsewhere = [url for url in urls if not url.startswith(stack.base) and not url.startswith("data:")]
        # Chromium asks for an icon by itself.
        assert not [url for url in elsewhere if not url.endswith("/favicon.ico")], (name, elsewhere)


def test_pages_carry_their_security_headers(stack):
    with urllib.request.urlopen(f"{stack.base}/signed-out") as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
    expected = {
        "x-content-type-options": "nosniff", "strict-transport-security": "max-age=63072000", "cache-control": "no-store",
        "referrer-policy": "same-origin", "cross-origin-opener-policy": "same-origin",
    }
    assert {name: headers.get(name) for name in expected} == expected
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy, part
    assert "unsafe" not in policy and "*" not in policy


# --- Without a mouse -------------------------------------------------------------------------------------------------


def focused(person):
    return person.browser.switch_to.active_element


def tab_to(person, wanted, at_most=200):
    """Presses Tab until the focus is on what `wanted` selects; every stop on the way must be seen."""
    target = person.find(wanted)
    for _ in range(at_most):
        # Keys that are sent to a field for files would name one.
        ActionChains(person.browser).send_keys(Keys.TAB).perform()
        here = focused(person)
        shows = person.browser.execute_script(
            "const style = getComputedStyle(arguments[0]), box = arguments[0].getBoundingClientRect();"
            "return style.outlineStyle !== 'none' && box.bottom > 0 && box.top < innerHeight", here)
        assert shows, f"the focus is not seen: {here.get_attribute('outerHTML')[:200]}"
        if here == target:
            return here
    raise AssertionError(f"no way to {wanted} by Tab")


def press_on(person, element, key):
    """A key that leads to another page."""
    left = person.document()
    element.send_keys(key)
    person.loaded(instead_of=left)


def test_keyboard_alone_is_enough(stack, ada):
    case = stack.refused()
    ada.open()
    ada.find("//body").send_keys(Keys.TAB)
    assert focused(ada).text == "Skip to content", "the first stop"
    focused(ada).send_keys(Keys.ENTER)
    assert focused(ada).get_attribute("id") == "main"
    press_on(ada, tab_to(ada, f"//a[contains(@href, '/cases/{case}')]"), Keys.ENTER)
    assert ada.here() == f"/cases/{case}"
    tab_to(ada, "//input[@value='paid_elsewhere']/ancestor::fieldset//input[1]").send_keys(Keys.SPACE)
    for _ in range(8):
        if focused(ada).get_attribute("value") == "written_off":
            break
        focused(ada).send_keys(Keys.ARROW_DOWN)
    assert focused(ada).get_attribute("value") == "written_off"
    code = tab_to(ada, "//select[@id='pr-code']")
    code.send_keys("Another")
    assert code.get_attribute("value"), "chosen by its first letters"
    tab_to(ada, "//textarea[@id='pr-note']").send_keys("By the keyboard alone.")
    press_on(ada, tab_to(ada, f"{ada.form('propose')}//button"), Keys.ENTER)
    assert "proposed" in ada.told()
    # Where the result is told, there the next Tab goes on from.
    assert focused(ada).get_attribute("id") == "status" and focused(ada).get_attribute("role") == "status"


def test_single_keys_do_what_they_say(stack, ada):
    stack.refused()
    ada.open()
    rows = ada.browser.find_elements(By.XPATH, "//table[@id='queue']/tbody/tr")
    links = [row.find_element(By.XPATH, ".//th/a") for row in rows]
    ada.find("//body").send_keys("j")
    assert focused(ada) == links[0]
    focused(ada).send_keys("j")
    assert focused(ada) == links[1]
    focused(ada).send_keys("x")
    assert rows[1].find_element(By.NAME, "case").is_selected() and "1 selected" in ada.find("//*[@id='count']").text
    focused(ada).send_keys("k")
    assert focused(ada) == links[0]
    focused(ada).send_keys("/")
    assert focused(ada).get_attribute("id") == "q"
    focused(ada).send_keys("jx?")
    assert focused(ada).get_attribute("value") == "jx?", "what is typed is text"


def test_viewer_is_offered_no_act(stack):
    eve = Person(stack, "eve").sign_in()
    try:
        assert not eve.has("//input[@name='case']") and not eve.has("//select[@id='b-act']")
    finally:
        eve.close()
