"""People at the console: a stack of this machine, and a Chromium for each of them."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

ROOT = Path(__file__).resolve().parents[2]
LOCAL = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "payonce"
SAMPLE = ROOT / "events" / "stripe" / "payment_intent.succeeded.json"
# For how long a webhook goes by the hold that it has read.
HOLD_IS_FRESH = 3.2


class Local:
    """`cargo run`, with its play: a queue as after a bad hour."""

    def __init__(self):
        assert LOCAL.exists(), f"{LOCAL} is missing: cargo build"
        self.output = tempfile.NamedTemporaryFile(suffix=".txt")
        self.process = subprocess.Popen([LOCAL, "--port", "0"], stdout=self.output, stderr=subprocess.STDOUT, cwd=ROOT)
        self.url = self.wait_for_url()
        self.base = f"{self.url}/console"

    def wait_for_url(self):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            text = Path(self.output.name).read_text()
            if "Up until Ctrl-C" in text:
                return text.rsplit("More to try: ", 1)[1].split()[0]
            assert self.process.poll() is None, text
            time.sleep(0.2)
        raise AssertionError(f"the stack does not come up:\n{text}")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def cases(self):
        with urllib.request.urlopen(f"{self.url}/sandbox/cases") as answer:
            return json.load(answer)

    def deliver(self, payee="acct_1Payee", amount=4200):
        """Sends one signed delivery; the payout key that it asks for."""
        changes = [f"/data/object/metadata/payee={payee}", f"/data/object/amount_received={amount}"]
        sets = [argument for change in changes for argument in ("--set", change)]
        sent = subprocess.run(
            [LOCAL, "send", SAMPLE, "--provider", "stripe", "--fresh", "--url", self.url, *sets],
            capture_output=True, text=True,
        )
        assert sent.returncode == 0, (sent.stdout, sent.stderr)
        return json.loads(sent.stdout[sent.stdout.index("{"):])["events"][0]["payout_key"]

    def refuse(self, amount=4200):
        """The key of a payout that the rail refused, beside two that it makes: where half of those of two minutes are refused for one
        cause, the sweeper holds payouts."""
        self.deliver("acct_1Payee")
        self.deliver("acct_2Payee")
        return self.deliver("acct_sandboxRefuses", amount)

    def refused(self, amount=4200):
        """The id of its case."""
        return self.case_of(self.refuse(amount))

    def never_sent(self, *payees):
        """Ids of the cases of payouts that were held back."""
        self.hold("record")
        time.sleep(HOLD_IS_FRESH)
        keys = [self.deliver(payee, 1000 + number) for number, payee in enumerate(payees)]
        self.hold("pay")
        time.sleep(HOLD_IS_FRESH)
        return [self.case_of(key) for key in keys]

    def hold(self, mode):
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/sandbox/hold/{mode}", method="POST")) as answer:
            assert json.load(answer) == {"hold": mode}

    def case_of(self, key):
        return next(case["id"] for case in self.cases() if case["payout_key"] == key)

    @staticmethod
    def choose(person, login):
        """At the sandbox's sign-in page."""
        person.go(f"//button[@value='{login}']")


def chromium(width=1280, height=1400):
    driver, browser = shutil.which("chromedriver"), shutil.which("chromium")
    assert driver and browser, "chromium and chromedriver are needed (Debian: chromium, chromium-driver)"
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
                     "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars", f"--window-size={width},{height}"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


class Person:
    """Somebody at a browser. `login` names them at the issuer."""

    def __init__(self, stack, login):
        self.stack, self.login, self.browser = stack, login, chromium()

    def close(self):
        self.browser.quit()

    def wait(self, what, seconds=20):
        return WebDriverWait(self.browser, seconds, poll_frequency=0.05).until(what)

    def document(self):
        """When the shown document began, which tells it from the next of the same address; nothing while it loads."""
        return self.browser.execute_script("return document.readyState === 'complete' ? performance.timeOrigin : null")

    def loaded(self, instead_of=None):
        # Not an element's staleness: ChromeDriver may answer a question about an element that is just going with
        # "unknown error".
        self.wait(lambda _: self.document() not in (None, instead_of))

    def open(self, path=""):
        self.browser.get(self.stack.base + path)
        self.loaded()
        return self

    def find(self, xpath):
        return self.wait(lambda browser: browser.find_element(By.XPATH, xpath))

    def has(self, xpath):
        try:
            self.browser.find_element(By.XPATH, xpath)
            return True
        except NoSuchElementException:
            return False

    def click(self, xpath):
        element = self.find(xpath)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()
        return element

    def go(self, xpath):
        """Clicks what leads to another page, and waits for that."""
        left = self.document()
        self.click(xpath)
        self.loaded(instead_of=left)
        return self

    def press(self, label):
        return self.go(f"//button[normalize-space()={label!r}]")

    def choose_person(self, xpath, name):
        Select(self.find(xpath)).select_by_visible_text(self.find(f"{xpath}/option[starts-with(., '{name}')]").text)

    def write(self, xpath, text):
        field = self.find(xpath)
        field.clear()
        field.send_keys(text)

    def choose(self, xpath, value):
        Select(self.find(xpath)).select_by_value(value)

    def choose_reason(self, xpath, ending, code):
        """Of the reasons that are shown for this ending."""
        self.click(f"{xpath}/optgroup[@data-ending='{ending}']/option[@value='{code}']")

    def sign_in(self):
        self.open("/sign-in")
        self.stack.choose(self, self.login)
        assert self.here() == "", self.browser.current_url
        return self

    def sign_in_afresh(self):
        """The issuer's page, to which an act that pays leads."""
        assert not self.browser.current_url.startswith(self.stack.base), self.main()
        self.stack.choose(self, self.login)
        return self

    def here(self):
        """The address below the console's own, without its query."""
        return self.browser.current_url.removeprefix(self.stack.base).split("?")[0]

    def main(self):
        return self.find("//main").text

    def told(self):
        return self.find("//*[@role='status']").get_attribute("textContent")

    def case(self, case):
        return self.open(f"/cases/{case}")

    def form(self, act):
        return f"//form[contains(@action, '/{act}')]"

    def propose(self, ending, code="payee_confirmed", note="They called twice."):
        form = self.form("propose")
        self.click(f"{form}//input[@value='{ending}']")
        self.choose_reason(f"{form}//select[@name='code']", ending, code)
        self.write(f"{form}//textarea[@name='note']", note)
        if ending in ("paid_elsewhere", "confirmed_accepted"):
            self.find(f"{form}//input[@type='file']").send_keys(str(Path(__file__).resolve()))
        return self.go(f"{form}//button")

    def select(self, cases, act, code=None, note=None):
        """On the queue: ticks these, and asks for the preview."""
        self.open("?sort=age&reason=payout_not_sent" if act == "release" else "")
        for case in cases:
            self.click(f"//input[@name='case'][starts-with(@value, '{case}:')]")
        self.choose("//select[@id='b-act']", act)
        if code:
            ending = "reissue" if act == "release" else self.find("//select[@id='b-ending']").get_property("value")
            self.choose_reason("//select[@id='b-code']", ending, code)
        if note:
            self.write("//textarea[@id='b-note']", note)
        return self.press("Preview")
