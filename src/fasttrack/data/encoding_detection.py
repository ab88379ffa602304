"""The encoding of text that is not UTF-8, where its bytes leave one plausible reading.

Only Windows-1252 is recognised, which holds Latin-1's letters at the same places, and text with the byte order mark of
UTF-16 or UTF-32. Windows-1252 is taken only if the letters above ASCII are plausible where they stand, and if no other
encoding that is common in exports explains them better.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter

__all__ = ["detect_encoding"]

_ENOUGH = 0.9
"""The share of the letters above ASCII that must be in the alphabet of one language."""
_FEW = 0.02
"""Up to this share of the signs above ASCII may be implausible where they stand."""
_MOST_BYTES = 100_000_000
"""How much of a large file is looked at."""

_WESTERN = [
    "äöüß",  # German
    "àâæçéèêëîïôœùûüÿ",  # French
    "áéíñóúü",  # Spanish
    "áâãàçéêíóôõúü",  # Portuguese
    "àèéìíîòóùú",  # Italian
    "àçéèíïóòúü",  # Catalan
    "æøåäöéüà",  # Nordic
    "ëéïóöüèáç",  # Dutch
]
_NAMES = "áàâäåãæçéèêëíîïñóôöõøúüß"
"""The letters of names from all these languages in one table. Icelandic is left out: its bytes are Turkish letters."""
_ALPHABETS = {
    "windows-1252": _WESTERN,
    "windows-1250": [
        "ąćęłńóśźż",  # Polish
        "áčďéěíňóřšťúůýž",  # Czech
        "áäčďéíĺľňóôŕšťúýž",  # Slovak
        "áéíóöőúüű",  # Hungarian
        "ăâîşţ",  # Romanian
        "čćđšž",  # South Slavic
    ],
    "windows-1254": ["çğ\u0131iöşüâîû"],  # Turkish, with the dotless i
    "windows-1251": ["абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ"],
    "windows-1253": ["αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋ"],
    "mac-roman": _WESTERN,
    "cp850": _WESTERN,
}
_NOT_LATIN = ("windows-1251", "windows-1253")
_BEFORE = {"õ": ("e",), "ã": ("o", "e", "s", "")}
"""What follows these letters in Portuguese, "" at the end of a word; elsewhere they are Hungarian ő or Romanian ă."""
_INSIDE_WORDS = frozenset("\u2019\u2018\u00b4·")
"""Both quotes and the acute accent that stand for an apostrophe, and the Catalan point."""
_SIGNS = frozenset("€£¥§©®°±²³µ¼½¾«»¿¡–—“”„\u201a…•™‰\u00a0ªº×÷¢¨") | _INSIDE_WORDS
_NOT_ASCII_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_RUN = re.compile(r"[^\W\d_a-zA-Z]{3}")
"""Three letters above ASCII in a row, which no language that is written in Latin letters needs."""


def detect_encoding(content: bytes) -> tuple[str | None, list[str]]:
    """The encoding of `content`, which is not UTF-8; if it is `None`, then also those that are plausible."""
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32", []
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", []
    words = Counter(_NOT_ASCII_WORD.findall(content[:_MOST_BYTES]))
    letters = _letters(words, "windows-1252")
    in_languages = _coverage(letters, _WESTERN)
    in_names = _coverage(letters, [*_WESTERN, _NAMES])
    better = [
        encoding
        for encoding, alphabets in _ALPHABETS.items()
        if (share := _coverage(_letters(words, encoding), alphabets)) >= _ENOUGH
        and share > in_languages
        and not _reads_alike(words, encoding)
    ]
    if in_names < _ENOUGH or better:
        return None, (["windows-1252"] if in_names >= _ENOUGH else []) + better
    is_latin = not any(re.search(rb"[\x80-\x9f]", word) for word in words)
    return ("latin-1" if is_latin else "windows-1252"), []


def _reads_alike(words: Counter[bytes], encoding: str) -> bool:
    return all(word.decode(encoding, "replace") == word.decode("windows-1252", "replace") for word in words)


def _coverage(letters: Counter[str] | None, alphabets: list[str]) -> float:
    """The share of `letters` in the alphabet that holds most of them."""
    if letters is None:
        return 0.0
    total = letters.total()
    return max(sum(letters[letter] for letter in alphabet) for alphabet in alphabets) / total if total else 1.0


def _letters(words: Counter[bytes], encoding: str) -> Counter[str] | None:
    """How often each letter above ASCII occurs; `None` if the bytes are not plausible words in this encoding."""
    letters: Counter[str] = Counter()
    implausible = 0
    for word, number in words.items():
        try:
            text = word.decode(encoding)
        except UnicodeDecodeError:
            return None
        is_mixed = encoding in _NOT_LATIN and re.search("[A-Za-z]", text)
        if is_mixed or (encoding not in _NOT_LATIN and _RUN.search(text)):
            implausible += number
            continue
        for position, sign in enumerate(text):
            if sign.isascii():
                continue
            if not _is_plausible(sign, text[position - 1 : position], text[position + 1 : position + 2]):
                implausible += number
            elif sign.isalpha() and sign not in "ªº":
                letters[sign.lower()[:1]] += number  # İ becomes i and a point above
    return None if implausible > _FEW * (letters.total() + implausible) else letters


def _is_plausible(sign: str, before: str, after: str) -> bool:
    """Whether `sign` can stand between these two signs: É follows no small letter, „ is not inside a word."""
    if not sign.isalpha() or sign in "ªº":
        is_inside = before.isalpha() and after.isalpha()
        return sign in _SIGNS and (not is_inside or sign in _INSIDE_WORDS)
    if sign.isupper() and (before.islower() or (before.isalpha() and after.islower())):
        return False
    return sign not in _BEFORE or after.lower() in _BEFORE[sign]
