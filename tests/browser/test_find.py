"""What finance looks for is found: by pasting it, in a view, in a period; and a hold is seen before anybody signs in for nothing."""

from datetime import datetime, timezone

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_pages import violations


def search(person, text):
    left = person.document()
    field = person.find("//input[@name='q']")
    field.clear()
    field.send_keys(text, Keys.ENTER)
    person.loaded(instead_of=left)
    return person


def to_approve(person):
    return int(person.find("//nav[@aria-label='Sections']//a[contains(., 'To approve')]/b").text)


def test_what_a_page_prints_is_found_by_pasting_it(stack, ada):
    case = stack.refused()
    ada.case(case)
    key = ada.find("//dt[.='Payout key']/following-sibling::dd").text
    rail_key = ada.find("//dt[.='Rail key']/following-sibling::dd").get_attribute("textContent").split()[0]
    payout = f"/payouts?key={key}"
    # With what a mouse takes along at both ends.
    for text, leads_to in [(case, f"/cases/{case}"), (f"  {case} ", f"/cases/{case}"), (key, "/payouts"), (f" {rail_key}  ", "/payouts")]:
        search(ada.open(), text)
        assert ada.here() == leads_to, (text, ada.browser.current_url)
    assert key in ada.open(payout).main()
    search(ada, "ACCT_SANDBOXREF")
    assert "found" in ada.find("//h1").text and "the payee's beginning" in ada.main()
    ada.go("//a[.='Open cases of this payee']")
    rows = ada.browser.find_elements(By.XPATH, "//table[@id='queue']/tbody/tr/td[@class='id']")
    assert rows and {row.text for row in rows} == {"acct_sandboxRefuses"}
    search(ada, "nothing-of-this-name")
    assert ada.find("//h1").text == "Not found in what was searched" and "open cases" in ada.main()


def test_an_approver_goes_from_the_count_to_the_case_and_its_maker_gets_it_back(stack, ada, ben):
    before = to_approve(ben.open("/absence"))
    case = stack.refused(4321)
    ada.case(case).propose("written_off", "other", "Small.")
    assert to_approve(ben.open("/absence")) == before + 1
    ben.go("//nav[@aria-label='Sections']//a[contains(., 'To approve')]")
    assert ben.find("//h1").text == "To approve"
    ben.go(f"//a[contains(@href, '/cases/{case}')]")
    ben.write(f"{ben.form('send_back')}//textarea", "Which statement?")
    ben.go(f"{ben.form('send_back')}//button")
    assert to_approve(ben.open()) == before
    ada.open().go("//nav[@aria-label='Views']//a[.='Sent back to me']")
    assert ada.has(f"//a[contains(@href, '/cases/{case}')]") and "view=sent-back" in ada.browser.current_url


def test_resolved_cases_are_found_by_their_day(stack, ada, ben):
    case = stack.refused(1234)
    ada.case(case).propose("written_off", "other", "Small.")
    ben.case(case).press("Approve")
    today = datetime.now(timezone.utc).date().isoformat()
    ada.open(f"/resolved?from={today}&to={today}")
    assert ada.has(f"//a[contains(@href, '/cases/{case}')]") and "in UTC" in ada.main()
    ada.open("/resolved?from=2020-01-01&to=2020-01-31")
    assert "No case was resolved from 2020-01-01 to 2020-01-31." in ada.main()


def test_a_hold_is_read_on_every_page_before_a_sign_in_for_it(stack, ada, ben):
    case = stack.refused()
    ada.case(case).propose("reissue")
    ada.sign_in_afresh()
    stack.hold("refuse")
    try:
        for path in ("", f"/cases/{case}", "/batches", "/absence", "/resolved", "/search", "?view=to-approve"):
            ben.open(path)
            banner = ben.find("//section[@aria-label='Payouts are not made']")
            assert "Payouts are held since 20" in banner.text and "do not sign in for one before" in banner.text, path
            assert banner.rect["y"] < ben.find("//h1").rect["y"], path
        assert violations(ben.case(case)) == []
    finally:
        stack.hold("pay")
    assert not ben.open().has("//section[@aria-label='Payouts are not made']")
