"""Characters that look like ASCII letters and digits: what people take for one another, and models do not.

Taken from Unicode's confusables.txt (UTS #39, Unicode Security Mechanisms, section 4) by way of the table in
confusable-homoglyphs 3.3.1 (MIT): single letters of seven scripts, without compatibility forms, which NFKC tells,
and without pairs that only look alike in some typefaces.
Unicode data: Copyright 1991-2024 Unicode, Inc.; Unicode License v3, https://www.unicode.org/license.txt.
"""

from __future__ import annotations

import unicodedata

LOOKALIKES: dict[str, str] = {
    "a": "\u0430\u03b1\u0251",
    "b": "\u042c\u13cf",
    "c": "\u0441\u1d04\u2ca5",
    "d": "\u0501\u13e7\ua4d2",
    "e": "\u0435\u04bd",
    "f": "\u0584",
    "g": "\u0261\u1d83\u0581",
    "h": "\u04bb\u0570\u13c2",
    "i": "\u0456\u04cf\u03b9\u0131\u026a\u13a5\uab75",
    "j": "\u0458\u03f3",
    "l": "\u0406\u04c0\u0399\u0196\u01c0\u2c92\ua4f2",
    "n": "\u0578\u057c",
    "o": "\u043e\u03bf\u1d0f\u0585\u2c9f",
    "p": "\u0440\u03c1\u2ca3",
    "q": "\u051b\u0563\u0566",
    "s": "\u0455\u01bd\ua731\uabaa",
    "u": "\u028b\u1d1c\u057d",
    "v": "\u0475\u03bd\u1d20\uaba9",
    "w": "\u051d\u1d21\u0561\uab83",
    "x": "\u0445",
    "y": "\u0443\u04af\u03b3\u0263\u028f\u1d8c",
    "z": "\u1d22\uab93",
    "A": "\u0410\u0391\u13aa\ua4ee",
    "B": "\u0412\u0392\u13f4\ua4d0",
    "C": "\u0421\u13df\u2ca4\ua4da",
    "D": "\u13a0\ua4d3",
    "E": "\u0415\u0395\u13ac\ua4f0",
    "F": "\u03dc\ua4dd",
    "G": "\u050c\u13c0\u13f3\ua4d6",
    "H": "\u041d\u0397\u13bb\u2c8e\ua4e7",
    "J": "\u0408\u037f\u13ab\ua4d9",
    "K": "\u041a\u039a\u13e6\u2c94\ua4d7",
    "L": "\u13de\u2cd0\ua4e1",
    "M": "\u041c\u039c\u03fa\u13b7\u2c98\ua4df",
    "N": "\u039d\u2c9a\ua4e0",
    "O": "\u041e\u039f\u0555\u2c9e\ua4f3",
    "P": "\u0420\u03a1\u13e2\u2ca2\ua4d1",
    "R": "\u13a1\u13d2\ua4e3",
    "S": "\u0405\u054f\u13d5\u13da\ua4e2",
    "T": "\u0422\u03a4\u13a2\u2ca6\ua4d4",
    "U": "\u054d\ua4f4",
    "V": "\u0474\u13d9\ua4e6",
    "W": "\u051c\u13b3\u13d4\ua4ea",
    "X": "\u0425\u03a7\ua7b3\u2cac\ua4eb",
    "Y": "\u0423\u04ae\u03a5\u13a9\u13bd\u2ca8\ua4ec",
    "Z": "\u0396\u13c3\ua4dc",
    "3": "\u0417\u04e0\u01b7\u021c\ua76a\ua7ab\u2ccc",
    "4": "\u13ce",
    "5": "\u01bc",
    "6": "\u0431\u13ee\u2cd2",
    "8": "\u0222\u0223",
    "9": "\ua76e\u2cca",
}
"""ASCII character -> those of the same look, the best known scripts first: Cyrillic, Greek, Latin, Armenian, ..."""

_PLAIN = {other: plain for plain, others in LOOKALIKES.items() for other in others}


def plain_form(char: str) -> str:
    """The ASCII that a character beyond ASCII looks like, or "": of a look-alike or of a compatibility form.

    Full-width, mathematical and enclosed letters and ligatures are told by their NFKC form (UAX #15).
    """
    if char < "\x80":
        return ""
    folded = _PLAIN.get(char) or unicodedata.normalize("NFKC", char)
    return folded if folded.isascii() and folded.strip() else ""
