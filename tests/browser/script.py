"""A script that people can follow, performed as it is written: each numbered line of a page is a step, of sentences of a small
fixed grammar. Whatever stands between the steps is for people alone.

What is asked for in `backticks` is what a page shows. "She" and "he" are whoever acted last.
"""

import re
import subprocess
import tempfile
import time
import urllib.request

from person import HOLD_IS_FRESH, LOCAL, SAMPLE, Person
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select
from test_pages import violations

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
STEP = re.compile(r"\s*\d+\.\s+(.*)")
# A sentence ends before a capital, but not within what a page shows; it may end with what a page shows.
SENTENCES = re.compile(r"(?:`[^`]*`|[^`])+?(?:(?<=[.?]`)|[.])(?=\s+[A-Z]|$)")
SUM = r"(\d[\d ]*\.\d\d) EUR"
GRAMMAR = []


def plain(text):
    """As one line: a sum has spaces that do not break."""
    return " ".join(text.split())


def sections(page):
    """Each heading with its steps, which are pairs of a line's number and the line."""
    found = {}
    heading = None
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("## "):
            heading = line[3:]
        elif step := STEP.fullmatch(line):
            found.setdefault(heading, []).append((number, step[1]))
    return found


def says(pattern):
    """The sentence that this function performs."""
    return lambda perform: GRAMMAR.append((re.compile(pattern), perform)) or perform


def read(sentence):
    sentence = f"{sentence}." if sentence.endswith("`") else sentence
    for pattern, perform in GRAMMAR:
        if match := pattern.fullmatch(sentence):
            return perform, match.groups()
    raise AssertionError(f"nobody knows how to do this: {sentence}")


class Day:
    """The stack and who works at it."""

    def __init__(self, stack):
        self.stack, self.people, self.last, self.checked, self.reported = stack, {}, None, {}, None

    def close(self):
        for person in self.people.values():
            person.close()

    def who(self, name):
        if name in ("She", "He"):
            return self.last
        if name not in self.people:
            self.people[name] = Person(self.stack, name.lower()).sign_in()
        self.last = self.people[name]
        return self.last

    def perform(self, number, line):
        sentences = SENTENCES.findall(line)
        assert "".join(sentences).replace(" ", "") == line.replace(" ", ""), f"line {number} does not end: {line}"
        for sentence in map(str.strip, sentences):
            try:
                perform, words = read(sentence)
                who = re.match(r"(She|He|[A-Z][a-z]+)(?:'s)? ", sentence)[1]
                perform(self if perform in WORLD else self.who(who), *words)
                if perform not in WORLD:
                    self.check(self.last)
            except Exception as error:
                shown = self.last and f"\n{self.last.browser.current_url}\n{text_of(self.last)}"
                raise AssertionError(f"line {number}: {sentence}\n{error}{shown}") from error

    def check(self, person):
        """Nobody is shut out of a page that the day leads to. A list that goes on is not held up."""
        here = person.document()
        if here and person.browser.current_url.startswith(self.stack.base) and self.checked.get(person) != here:
            if person.has("//form[@id='go-on']"):
                return
            self.checked[person] = here
            assert violations(person) == []


# --- What a page shows -----------------------------------------------------------------------------------------------


def text_of(person):
    """With what stands in its fields."""
    fields = "[...document.querySelectorAll('textarea, input:not([type=hidden])')].map((field) => field.value).join(' ')"
    return plain(person.browser.execute_script(f"return document.body.innerText + ' ' + {fields}"))


def shown(person, xpath):
    found = [one for one in person.browser.find_elements(By.XPATH, xpath) if one.is_displayed()]
    assert found, f"nothing is shown at {xpath}"
    return found


def called(person, tags, words):
    """What a person would point at: exactly so named, or else beginning so."""
    kinds = " or ".join(f"self::{tag}" for tag in tags)
    text = "normalize-space(translate(., '\u00a0\u202f', '  '))"
    for test in (f"{text}={words!r}", f"starts-with({text}, {words!r})"):
        found = [one for one in person.browser.find_elements(By.XPATH, f"//*[{kinds}][{test}]") if one.is_displayed()]
        if found:
            return found
    raise AssertionError(f"{words} is not there")


def quoted(words):
    return re.findall(r"`([^`]*)`", words)


def labelled(person, label):
    return person.find(f"//*[@id='{called(person, ['label'], label)[0].get_attribute('for')}']")


def press(person, element):
    left = person.document()
    person.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()
    person.loaded(instead_of=left)


# --- The grammar -----------------------------------------------------------------------------------------------------

PERSON = r"(?:She|He|[A-Z][a-z]+)"
WORDS = r"(`[^`]+`(?:(?:, | and |, and )`[^`]+`)*)"


@says(rf"{PERSON} opens the queue\.")
def opens_queue(person):
    person.open()


@says(rf"{PERSON} opens `([^`]+)`\.")
def opens_section(person, name):
    press(person, next(one for one in shown(person, "//nav//a") if plain(one.text).startswith(name)))


@says(rf"{PERSON} opens the (?:case|line) of {SUM}\.")
def opens_case(person, amount):
    """By its sum: among the open ones, else among the resolved ones."""
    number = amount.replace(" ", "")
    for path in (f"?from={number}&to={number}", "/resolved"):
        person.open(path)
        row = f"//tbody/tr/th/a[translate(., '\u00a0\u202f', '  ')='{amount} EUR']"
        if person.has(row):
            return person.go(row)
    raise AssertionError(f"no case of {amount} EUR")


@says(rf"{PERSON} follows the newest batch\.")
def follows_newest(person):
    person.go("//tbody/tr[1]/th/a")


@says(rf"{PERSON} opens the payout\.")
def opens_payout(person):
    person.go("//dt[.='Payout key']/following-sibling::dd//a")


@says(rf"{PERSON} sees {WORDS}\.")
def sees(person, words):
    text = text_of(person)
    for wanted in quoted(words):
        assert wanted in text, f"{wanted} is not seen"


@says(rf"{PERSON} waits until (?:she|he) sees `([^`]+)`\.")
def waits(person, wanted):
    person.wait(lambda _: wanted in text_of(person), 90)


@says(rf"{PERSON} does not see {WORDS}\.")
def does_not_see(person, words):
    text = text_of(person)
    for wanted in quoted(words):
        assert wanted not in text, f"{wanted} is seen"


@says(rf"{PERSON} sees `([^`]+)` once\.")
def sees_once(person, wanted):
    assert text_of(person).count(wanted) == 1, f"{wanted} is seen {text_of(person).count(wanted)} times"


@says(rf"{PERSON} sees {WORDS} beside `([^`]+)`\.")
def sees_beside(person, words, other):
    """In the same row, line or form."""
    near = "ancestor-or-self::*[self::tr or self::form or self::li or (self::div and parent::dl)][1]"
    text = " ".join(plain(one.find_element(By.XPATH, near).text) for one in called(person, ["th", "td", "dt", "a", "button"], other))
    for wanted in quoted(words):
        assert wanted in text, f"beside {other} stands: {text}"


@says(rf"{PERSON} sees {WORDS} on the first screen\.")
def sees_first(person, words):
    person.browser.execute_script("scrollTo(0, 0)")
    height = person.browser.execute_script("return innerHeight")
    for wanted in quoted(words):
        tops = [one.rect["y"] + one.rect["height"] for one in called(person, ["a", "button", "h1", "th", "p", "strong", "span"], wanted)]
        assert min(tops) <= height, f"{wanted} is at {min(tops)} of {height}"


@says(rf"{PERSON} presses `([^`]+)`\.")
def presses(person, name):
    press(person, called(person, ["button"], name)[0])


@says(rf"{PERSON} presses `([^`]+)` twice\.")
def presses_twice(person, name):
    button = called(person, ["button"], name)[0]
    left = person.document()
    person.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    ActionChains(person.browser).double_click(button).perform()
    person.loaded(instead_of=left)


@says(rf"{PERSON} follows `([^`]+)`\.")
def follows(person, name):
    link = called(person, ["a"], name)[0]
    link.click() if "#" in link.get_attribute("href") else press(person, link)


@says(rf"{PERSON} unfolds `([^`]+)`\.")
def unfolds(person, name):
    summary = called(person, ["summary"], name)[0]
    person.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", summary)
    summary.click()


@says(rf"{PERSON} writes `([^`]*)` into `([^`]+)`\.")
def writes(person, text, label):
    field = labelled(person, label)
    if field.get_attribute("type") == "date":
        # How a day is typed depends on the machine's language.
        person.browser.execute_script("arguments[0].value = arguments[1]", field, text)
        return
    field.clear()
    field.send_keys(text)


@says(rf"{PERSON} chooses `([^`]+)` as `([^`]+)`\.")
def chooses(person, choice, label):
    radios = f"//fieldset[legend[normalize-space()={label!r}]]//label[starts-with(normalize-space(), {choice!r})]"
    if person.has(radios):
        person.click(f"{radios}//input")
        return
    options = Select(labelled(person, label)).options
    shows = "const group = arguments[0].parentElement; return !group.matches('optgroup') || getComputedStyle(group).display !== 'none'"
    fit = [one for one in options if plain(one.text).startswith(choice) and person.browser.execute_script(shows, one)]
    assert len(fit) == 1, f"{choice} is offered {len(fit)} times"
    fit[0].click()


@says(rf"{PERSON} is offered {WORDS} as `([^`]+)`\.")
def is_offered(person, words, label):
    offered = plain(" ".join(one.text for one in shown(person, f"//fieldset[legend[normalize-space()='{label}']]//label")))
    for wanted in quoted(words):
        assert wanted in offered, f"offered: {offered}"


@says(rf"{PERSON} is not offered {WORDS} as `([^`]+)`\.")
def is_not_offered(person, words, label):
    fieldset = f"//fieldset[legend[normalize-space()='{label}']]"
    options = [plain(one.text) for one in person.browser.find_elements(By.XPATH, f"{fieldset}//label//b")]
    if not options:
        shows = "return getComputedStyle(arguments[0].parentElement).display !== 'none'"
        options = [plain(one.text) for one in Select(labelled(person, label)).options if person.browser.execute_script(shows, one)]
    for unwanted in quoted(words):
        assert unwanted not in options, f"{unwanted} is offered"


@says(rf"{PERSON} ticks {SUM}((?:, {SUM})*) and {SUM}\.")
def ticks(person, *sums):
    for amount in dict.fromkeys(re.findall(r"\d[\d ]*\.\d\d", ", ".join(filter(None, sums)))):
        row = f"//tbody/tr[th/a[translate(., '\u00a0\u202f', '  ')='{amount} EUR']]"
        person.click(f"{row}//input[@name='case']")


@says(rf"{PERSON} ticks all\.")
def ticks_all(person):
    person.click("//input[@id='all']")


@says(rf"{PERSON} attaches a file `([^`]+)` with the words `([^`]+)`\.")
def attaches(person, name, words):
    folder = tempfile.mkdtemp()
    with open(f"{folder}/{name}", "w") as file:
        file.write(words)
    shown(person, "//input[@type='file']")[0].send_keys(file.name)


@says(rf"{PERSON} signs in again\.")
def signs_in_again(person):
    person.sign_in_afresh()


@says(rf"{PERSON} signs in, in another tab\.")
def signs_in_elsewhere(person):
    here = person.browser.current_window_handle
    called(person, ["a"], "Sign in, in a new tab")[0].click()
    person.wait(lambda browser: len(browser.window_handles) == 2)
    person.browser.switch_to.window(next(one for one in person.browser.window_handles if one != here))
    person.loaded()
    person.stack.choose(person, person.login)
    person.browser.close()
    person.browser.switch_to.window(here)


@says(rf"{PERSON}'s session ends\.")
def session_ends(person):
    person.browser.delete_all_cookies()


@says(rf"{PERSON} searches for `([^`]+)`\.")
def searches(person, text):
    field = person.find("//input[@id='q']")
    field.clear()
    field.send_keys(text)
    person.go("//form[@role='search']//button")


@says(rf"{PERSON} copies the `([^`]+)` and searches for it\.")
def searches_for_copied(person, name):
    copied = person.find(f"//dt[.='{name}']/following-sibling::dd").get_attribute("textContent")
    searches(person, copied.split()[0])


@says(rf"{PERSON} saves the list as CSV, and finds {WORDS} in it\.")
def saves_csv(person, words):
    button = called(person, ["button"], "Export as CSV")[0]
    address = person.browser.execute_script(
        "const form = arguments[0].form; return form.action.split('?')[0] + '?' + new URLSearchParams(new FormData(form))", button)
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in person.browser.get_cookies())
    agent = person.browser.execute_script("return navigator.userAgent")
    asked = urllib.request.Request(address, headers={"cookie": cookies, "user-agent": agent})
    with urllib.request.urlopen(asked) as answer:
        saved = plain(answer.read().decode("utf-8-sig"))
    for wanted in quoted(words):
        assert wanted in saved, saved


@says(rf"{PERSON} takes (?:her|his) phone\.")
def takes_phone(person):
    person.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)


@says(rf"{PERSON} puts the phone away\.")
def puts_phone_away(person):
    person.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@says(rf"{PERSON}'s browser speaks (German|English)\.")
def speaks(person, language):
    tag = {"German": "de-DE,de", "English": "en-GB,en"}[language]
    agent = person.browser.execute_script("return navigator.userAgent")
    person.browser.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": tag})


# --- What happens outside --------------------------------------------------------------------------------------------


def cents(amount):
    return int(re.sub("[ .]", "", amount))


def deliver(day, event, payment, minor, payee, sample=SAMPLE):
    changes = {
        "/id": event, "/data/object/id": f"pi_{payment}", "/data/object/latest_charge": f"ch_{payment}_{minor}eur",
        "/data/object/amount_received": minor, "/data/object/metadata/payee": payee,
    }
    sets = [argument for place, value in changes.items() if value is not None for argument in ("--set", f"{place}={value}")]
    send = [LOCAL, "send", sample, "--provider", "stripe", "--fresh", "--url", day.stack.url, *sets]
    subprocess.run(send, check=True, capture_output=True, text=True)
    day.reported = (event, payment, payee)


@says(rf"Stripe reports {SUM} for `([^`]+)` in the event `evt_([^`]+)`\.")
def reports(day, amount, payee, name):
    deliver(day, f"evt_{name}", name, cents(amount), payee)


@says(r"Stripe reports no sum for `([^`]+)` in the event `evt_([^`]+)`\.")
def reports_no_sum(day, payee, name):
    lines = SAMPLE.read_text().splitlines()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write("\n".join(line for line in lines if '"amount_received"' not in line))
        file.flush()
        deliver(day, f"evt_{name}", name, None, payee, file.name)


@says(rf"Stripe reports the same event again, with {SUM}\.")
def reports_again(day, amount):
    event, payment, payee = day.reported
    deliver(day, event, payment, cents(amount), payee)


@says(rf"Stripe reports (\d+) payments from {SUM} upwards for `([^`]+)`\.")
def reports_many(day, count, amount, payee):
    first = cents(amount)
    for minor in range(first, first + int(count)):
        deliver(day, f"evt_many{minor}", f"many{minor}", minor, payee)


@says(r"Payouts are held\.")
def held(day):
    day.stack.hold("record")
    time.sleep(HOLD_IS_FRESH)


@says(r"Payouts are made again\.")
def made_again(day):
    day.stack.hold("pay")
    time.sleep(HOLD_IS_FRESH)


WORLD = {reports, reports_no_sum, reports_again, reports_many, held, made_again}
