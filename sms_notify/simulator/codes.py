"""The gateway's error codes with their explanations (seed, table 'Errorcode'), and how they are written."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Code(IntEnum):
    """A refusal; the value is the number the gateway answers with."""

    explanation: str

    def __new__(cls, number: int, explanation: str) -> Code:
        member = int.__new__(cls, number)
        member._value_ = number
        member.explanation = explanation
        return member

    NO_USERNAME = 100, "the username is empty"
    NO_PASSWORD = 101, "the password is empty"
    NO_TEXT = 102, "the message has no content"
    NO_NUMBER = 103, "no mobile number"
    BAD_CREDENTIALS = 104, "wrong username or password"
    TOO_LONG = 105, "more than 160 characters without type=long"
    BAD_NUMBER = 106, "not a mobile number: country code and number, digits only"
    COUNTRY_NOT_SERVED = 107, "no texts to this country"
    NO_CREDITS = 108, "not enough credits left"
    NO_SENDER = 109, "the sender name is empty"
    SENDER_WITHOUT_PLUS = 110, "a sender number starts with +"
    BAD_SENDER = 111, "the sender name is longer than 12 characters"
    BAD_COUNTRY_CODE = 112, "not a valid country code"
    SENDER_CHARACTERS = 113, "special characters in the sender name"
    COUNTRY_NOT_PERMITTED = 114, "this country is not permitted"
    BLOCKED_UNPAID = 115, "account blocked: payment not received"
    BLOCKED = 116, "account blocked"
    SENDER_NOT_ALLOWED = 117, "this sender name is not allowed"
    LONG_TEXT_TOO_LONG = 118, "a long text has at most 459 characters"
    NO_LONG_TEXT_HERE = 119, "no long texts to this country"
    GATEWAY_FAULT = 120, "a problem with the gateway"
    BAD_DATE = 121, "the date is in the past or not correct"
    NOTHING_TO_REMOVE = 122, "no such message in the outbox"
    REPORT_WITHOUT_NUMBER = 123, "a report was asked for without a number"
    REPORT_BAD_NUMBER = 124, "a report was asked for with an unknown number"
    GROUP_UNKNOWN = 125, "no such group in the phone list"
    GROUP_EMPTY = 126, "the group is empty"
    MAINTENANCE = 150, "down for maintenance"


class ErrorStyle(StrEnum):
    """How an error is written: the seed shows `ERROR 122` once, so a client must bear them all."""

    SPACED = "spaced"
    COLON = "colon"
    BARE = "bare"

    def write(self, code: int) -> str:
        return {ErrorStyle.SPACED: f"ERROR {code}", ErrorStyle.COLON: f"ERROR: {code}"}.get(self, str(code))
