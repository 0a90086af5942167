"""What two people do to one case: what one proposes the other decides, and money moves once. Their whole day is in
test_finances_day.py."""

from person import Person


def test_proposal_that_is_sent_back_reaches_its_maker(stack, ada, ben):
    case = stack.refused()
    ada.case(case).press("Take")
    assert ada.here() == f"/cases/{case}" and "owner was changed" in ada.told()
    ada.press("Ask the rail now")
    # Nothing is absent so soon: the rail might still execute it.
    assert "rail was asked" in ada.told() and "the rail may still execute it until" in ada.main()
    ada.write(f"{ada.form('comment')}//textarea", "Their account was full yesterday.")
    ada.press("Comment")
    assert "Their account was full yesterday." in ada.main()
    ada.propose("written_off", "other", "Too small.")
    assert "proposed" in ada.told() and ada.here() != f"/cases/{case}", "the person is back at the next case"

    own = ada.case(case).main()
    assert "You proposed this; another person must decide." in own and not ada.has(ada.form("approve"))

    ben.case(case)
    assert "Too small." in ben.main()
    ben.write(f"{ben.form('send_back')}//textarea", "Ask them for another account.")
    ben.press("Send back")
    assert "sent back" in ben.told()

    ada.case(case)
    assert "In review" in ada.main() and "Ask them for another account." in ada.main()
    ada.propose("paid_elsewhere", "payee_confirmed", "By a bank transfer of today.")
    ben.case(case).press("Approve")
    assert "resolved" in ben.told() and ben.here() != f"/cases/{case}"
    done = ada.case(case).main()
    assert "Paid another way" in done and "Resolved" in done and "By a bank transfer of today." in done

    ada.click("//summary[.='Reopen']")
    ada.write(f"{ada.form('reopen')}//textarea", "The transfer came back.")
    ada.go(f"{ada.form('reopen')}//button")
    assert "Reopened" in ada.main() and "The transfer came back." in ada.main()


def test_two_people_pay_once(stack, ada, ben):
    [case] = stack.never_sent("acct_1Payee")
    ada.case(case).propose("reissue", "never_sent", "The rail was away.")
    ada.sign_in_afresh()
    assert "proposed" in ada.told()
    ben.case(case)
    assert "Pays" in ben.main() and "bound to this sign-in" in ben.main()
    ben.press("Sign in and approve")
    ben.sign_in_afresh()
    assert "The rail took the order" in ben.told()
    assert "Resolved" in ben.case(case).main()
    ben.go("//dt[.='Payout key']/following-sibling::dd//a")
    text = ben.main()
    assert "Attempt 2" in text and "Attempt 3" not in text and "Accepted" in text, text
    # The address of the sign-in once more: its code is used up.
    ben.browser.back()
    assert "Resolved" in ben.case(case).main()


def test_second_of_two_approvers_is_told_that_the_case_changed(stack, ada, ben, people):
    case = stack.refused()
    dee = people("dee")
    ada.case(case).propose("not_paid", "nothing_owed", "The order was cancelled.")
    dee.case(case)
    ben.case(case).press("Approve")
    dee.press("Approve")
    assert "The case has changed" in dee.main() and "Approved" in dee.main()


def test_many_cases_have_a_preview_and_a_result_each(stack, ada, ben):
    cases = [stack.refused(100 + number) for number in range(3)]
    ben.case(cases[2])
    ada.case(cases[2]).propose("written_off", "other", "Small.")
    ben.press("Approve") if ben.has(ben.form("approve")) else ben.case(cases[2]).press("Approve")
    ada.select(cases[:2], "take")
    assert "Nothing is written yet." in ada.main() and ada.main().count("Will succeed") == 3
    ada.go("//form[contains(@action, '/bulk/confirm')]//button")
    assert ada.main().count("Done") == 3
    ada.select(cases[:2], "comment", note="One cause for both.")
    # What somebody else says meanwhile stands in nobody's way.
    ben.case(cases[0])
    ben.write(f"{ben.form('comment')}//textarea", "I know this one.")
    ben.press("Comment")
    ada.go("//form[contains(@action, '/bulk/confirm')]//button")
    assert ada.main().count("Done") == 3
    ada.select(cases[:2], "propose", "other", "Both too small.")
    # Meanwhile somebody else takes one of them.
    ben.case(cases[0]).press("Take")
    ada.go("//form[contains(@action, '/bulk/confirm')]//button")
    result = ada.main()
    assert "it has changed since you saw it" in result and result.count("Done") == 2, result
    ada.select(cases[:1], "propose", "other", "Too small.")
    ada.go("//form[contains(@action, '/bulk/confirm')]//button")
    assert ada.main().count("Done") == 2
    for case in cases[:2]:
        assert "Awaiting approval" in ben.case(case).main()


def test_case_is_found_by_each_of_its_ids(stack, ada):
    key = stack.refuse()
    case = stack.case_of(key)
    event = next(one["event"] for one in stack.cases() if one["id"] == case)
    for wanted, where in [(case, f"/cases/{case}"), (key, "/payouts"), (key.split("/")[1], "/payouts"), (event, f"/cases/{case}")]:
        ada.open().write("//input[@id='q']", wanted)
        ada.go("//form[@role='search']//button")
        assert ada.here().startswith(where), (wanted, ada.browser.current_url)
    ada.open().write("//input[@id='q']", "nothing-of-this-name")
    ada.go("//form[@role='search']//button")
    assert "nothing-of-this-name" in ada.find("//main").text


def test_cases_go_to_whoever_stands_in(stack, ada, ben):
    case = stack.refused()
    ada.open("/absence").choose_person("//select[@id='aw-to']", "Ben")
    ada.browser.execute_script("document.getElementById('aw-until').value = document.getElementById('aw-until').min")
    ada.press("Set")
    assert "Who is away" in ada.main() and "(you)" in ada.main()
    ben.case(case).click("//summary[.='Give to somebody']")
    ben.choose_person("//select[@id='as-to']", "Ada")
    ben.press("Give")
    assert "You" in ben.find("//section[@aria-labelledby='h-owner']").text, "the one who stands in"
    ada.open("/absence").press("I am back")
    assert "Nobody is away." in ada.main()


def test_signed_out_person_reads_nothing(stack):
    eve = Person(stack, "eve").sign_in()
    try:
        assert "Cases to reconcile" in eve.main()
        eve.press("Sign out")
        eve.open()
        assert eve.here() == "/signed-out" and "Sign in" in eve.main()
        eve.browser.back()
        eve.open()
        assert eve.here() == "/signed-out"
    finally:
        eve.close()


def test_two_people_decide_without_any_script(stack, ada, ben):
    """Propose and approve, with no script run at all."""
    case = stack.refused()
    for person in (ada, ben):
        person.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        ada.case(case).propose("written_off", "other", "Without a script.")
        assert "proposed" in ada.told()
        ben.case(case).press("Approve")
        assert "resolved" in ben.told()
    finally:
        for person in (ada, ben):
            person.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
