"""Bank statements as three Python libraries read them: a question a line ({"format", "text"}), an answer a line
({"rows"} or {"error"}). Only what a library says is in a row; the amount is a decimal with its sign."""

import json
import sys
from decimal import Decimal
from importlib.metadata import version

import mt940
from bai2 import bai2
from bai2.constants import TypeCodeTransaction
from pycamt.parser import Camt053Parser

PACKAGES = {"camt": "pycamt", "mt940": "mt-940", "bai2": "bai2"}


def signed(amount, debit):
    return str(-Decimal(amount) if debit else Decimal(amount))


def camt(text):
    for row in Camt053Parser(text.encode()).get_transactions():
        yield {
            "booked": (row["BookingDate"] or row["ValueDate"])[:10],
            "value": row["ValueDate"],
            "amount": signed(row["Amount"], row["CreditDebitIndicator"] == "DBIT"),
            "currency": row["Currency"],
            "reversal": row["ReversalIndicator"] == "true",
            "end_to_end": row.get("EndToEndId"),
            "servicer": row["TransactionID"],
            "mandate": row.get("MandateId"),
            "text": row.get("RemittanceInformationFull") or row.get("RemittanceInformation") or row["AdditionalEntryInformation"] or "",
        }


def mt(text):
    for statement in mt940.parser.parse_statements(text.encode(), encoding="utf-8"):
        for entry in statement.transactions:
            row = entry.data
            yield {
                "booked": str(row.get("entry_date") or row["date"]),
                "value": str(row["date"]),
                "amount": str(row["amount"].amount),
                "currency": row["amount"].currency,
                "reversal": row["status"].startswith("R"),
                "instruction": row["customer_reference"],
                "servicer": row.get("bank_reference"),
                "text": "\n".join(filter(None, [row.get("transaction_details") or row.get("purpose"), row.get("extra_details")])),
            }


def bai(text):
    file = bai2.parse_from_lines(text.splitlines())
    for group in file.children:
        for account in group.children:
            for row in account.children:
                yield {
                    "booked": str(group.header.as_of_date),
                    "value": str(row.availability["date"]) if row.availability and "date" in row.availability else None,
                    "minor": (row.amount or 0) * (-1 if row.type_code.transaction == TypeCodeTransaction.debit else 1),
                    "currency": account.header.currency or group.header.currency,
                    "instruction": row.customer_reference,
                    "servicer": row.bank_reference,
                    "text": row.text or "",
                    "code": row.type_code.code,
                }


READERS = {"camt": camt, "mt940": mt, "bai2": bai}

for line in sys.stdin:
    question = json.loads(line)
    kind = question["format"]
    if "text" not in question:
        answer = {"package": PACKAGES[kind], "version": version(PACKAGES[kind])}
    else:
        try:
            answer = {"rows": list(READERS[kind](question["text"]))}
        except Exception as error:  # Whatever they raise is "does not read it".
            answer = {"error": type(error).__name__}
    print(json.dumps(answer), flush=True)
