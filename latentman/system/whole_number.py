"""Reading a whole number from a text."""

from __future__ import annotations

MOST_DIGITS = 18


def whole_number(text: str) -> int | None:
    """Return a text of 1 to 18 digits from 0 to 9 as a number, and None for any other.

    ``str.isdigit`` is also true for superscripts, from which ``int`` makes no number, and for any number of digits.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
