"""At a phone, and in narrow columns: the main act comes first, and nothing breaks by one letter."""

import pytest
from test_pages import violations

PAYEE = "acct_1QfT7xLkdIwHu7"


@pytest.fixture
def width(ada, ben):
    def set_width(person, width, height=844):
        device = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        person.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)

    yield set_width
    for person in (ada, ben):
        person.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def box(person, css):
    found = "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
    return person.browser.execute_script(found + "return [box.left, box.top + scrollY, box.right, box.bottom + scrollY]", css)


def lines(person, css):
    """Of how many lines each of these is."""
    count = "return [...document.querySelectorAll(arguments[0])].map((one) => one.getClientRects().length)"
    return person.browser.execute_script(count, css)


def test_main_act_is_on_the_first_screen_of_a_phone(stack, ada, ben, width):
    case = stack.refused()
    width(ada, 390)
    ada.case(case)
    assert box(ada, ".main-act a")[3] < 844 / 2
    ada.browser.find_element("css selector", ".main-act a").click()
    assert ada.browser.execute_script("return location.hash") == "#h-next"
    ada.propose("not_paid", "nothing_owed", "The sale was cancelled.")
    width(ben, 390)
    ben.case(case)
    assert box(ben, ".main-act a")[3] < 844 / 2 and "Decide about it" in ben.main()
    assert violations(ben) == []
    ben.open()
    assert box(ben, "#queue tbody tr")[1] < box(ben, ".figures")[1] and box(ben, "#queue tbody tr")[1] < 844
    assert violations(ben) == []


def test_two_deliveries_side_by_side_keep_their_names(stack, ada, width):
    """Where the head of the table is not shown."""
    conflict = next(case["id"] for case in stack.cases() if case["reason"] == "conflicting_duplicate")
    width(ada, 390)
    ada.case(conflict)
    said = ("return [...document.querySelector('.compare tbody').rows[0].querySelectorAll('td')]"
            ".map((one) => getComputedStyle(one, '::before').content)")
    assert ada.browser.execute_script(said) == ['"First delivery"', '"This delivery"', '"Difference"']


@pytest.mark.parametrize("pixels", [1280, 1366, 390])
def test_id_of_a_payee_and_its_day_stand_in_one_line(stack, ada, width, pixels):
    stack.refuse()
    width(ada, pixels)
    ada.open()
    put = "document.querySelectorAll('#queue td.id bdi').forEach((one) => { one.textContent = arguments[0] })"
    ada.browser.execute_script(put, PAYEE)
    assert set(lines(ada, "#queue td.id bdi")) == {1}
    assert set(lines(ada, "#queue td span[title]")) <= {1}
    # Nothing is cut off at the right.
    wider = "const box = document.querySelector('.scroll'); return box.scrollWidth - box.clientWidth"
    assert ada.browser.execute_script(wider) <= 0


@pytest.mark.parametrize("pixels", [1280, 390])
def test_counts_of_incidents_stand_in_one_place(ada, width, pixels):
    width(ada, pixels)
    ada.open()
    add = ("const list = document.querySelector('.incidents') ?? (() => { const list = document.createElement('ul');"
           "list.className = 'incidents'; document.querySelector('.figures section:last-child').append(list); return list })();"
           "for (const words of ['Short', 'A cause of many words, more than one line of this column can ever hold, of a day'])"
           "list.insertAdjacentHTML('beforeend', `<li><a href='#'>${words}</a><span class='muted'>904 cases, since 9 h ago</span></li>`);"
           "return [...list.querySelectorAll('.muted')].map((one) => Math.round(one.getBoundingClientRect().right))")
    assert len(set(ada.browser.execute_script(add))) == 1


def test_sum_stands_beside_approve_at_a_phone(stack, ada, ben, width):
    held = stack.never_sent("acct_1Payee", "acct_2Payee")
    ada.select(held, "release", "never_sent", "The rail was away.").go("//form[contains(@action, '/bulk/confirm')]//button")
    batch = ada.sign_in_afresh().here()
    width(ben, 390)
    ben.open(batch)
    approve = "//form[contains(@action, '/approve')]"
    assert "EUR" in ben.find(f"{approve}//dl").text and violations(ben) == []
    ben.press("Sign in and approve")
    ben.sign_in_afresh()
    ben.wait(lambda browser: "2 of 2 paid" in browser.execute_script("return document.body.innerText"), 60)
    assert violations(ben) == []
