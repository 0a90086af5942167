"""Takes the pictures of README and of the guide for finance staff anew:

    python tests/browser/pictures.py infra/runbooks/pictures
"""

import sys
from pathlib import Path

from person import Local, Person


def take(person, folder, name, height, width=1280):
    device = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    person.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
    person.browser.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
    person.browser.save_screenshot(str(folder / f"{name}.png"))
    person.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    stack = Local()
    ada, ben = Person(stack, "ada").sign_in(), Person(stack, "ben").sign_in()
    try:
        for payee, amount in (("Dies", 284_050), ("Answers500", 319_900), ("Html", 18_720)):
            stack.deliver(f"acct_sandbox{payee}", amount)
        found = stack.case_of(stack.deliver("acct_sandboxExecutesThenDies", 96_045))
        held = stack.never_sent(*(f"acct_1Weaver{number}" for number in range(1, 6)))
        refused, phone = stack.refused(123_450), stack.refused(61_200)
        take(ada.case(found).press("Ask the rail now"), folder, "case", 1180)
        ada.case(refused).propose("reissue", "refusal_understood", "Our balance there was too low; it is topped up.").sign_in_afresh()
        take(ben.case(refused), folder, "approve", 1080)
        ada.select(held, "release", "never_sent", "Payouts were held from 09:10 to 09:20.")
        take(ada, folder, "preview", 640)
        batch = ada.go("//form[contains(@action, '/bulk/confirm')]//button").sign_in_afresh().here()
        take(ben.open(batch), folder, "batch", 800)
        ada.case(phone).propose("not_paid", "nothing_owed", "The buyer cancelled; the shop confirms it.")
        take(ben.case(phone), folder, "phone", 844, width=390)
        # The figures are the sweeper's, of each minute.
        figures = "//section[@aria-labelledby='h-age']//small"
        before = ben.open().find(figures).text
        ben.wait(lambda _: ben.open().find(figures).text != before, 90)
        for name, colours in (("queue", "light"), ("queue-dark", "dark")):
            media = {"features": [{"name": "prefers-color-scheme", "value": colours}]}
            ben.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            take(ben.open("?sort=risk"), folder, name, 960)
    finally:
        for person in (ada, ben):
            person.close()
        stack.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
