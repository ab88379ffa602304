"""The encoding of a text file: taken as named, recognised where the bytes leave one reading, else asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fasttrack.data import Source
from fasttrack.data.encoding_detection import detect_encoding
from fasttrack.reading import ReadOptions
from tests.data.files import refusal, write

if TYPE_CHECKING:
    from pathlib import Path

FRENCH = ["Orléans", "Besançon", "Nîmes", "L\u2019Haÿ", "cœur à 5 €"]
GERMAN = ["München", "Köln", "Gießen", "Ülzen", "Ägypten"]
NORDIC = ["Tromsø", "Århus", "Malmö", "Ærø"]
PORTUGUESE = ["São Paulo", "Brasília", "Ceará", "Camões", "irmãos", "maçã"]
SPANISH = ["Málaga", "A Coruña", "León", "¿qué?"]
MIXED = ["Zürich", "Genève", "Córdoba", "Malmö", "Besançon", "Brønderslev", "São Tomé"]
WESTERN = [FRENCH, GERMAN, NORDIC, PORTUGUESE, SPANISH, MIXED, ["21 °C"], ["100 £"], ["Brontë"]]
OTHERS = {
    "windows-1250": [
        ["Łódź", "Kraków", "Poznań"],
        ["Plzeň", "Dvůr Králové", "České Budějovice"],
        ["Győr", "Pécs", "Erdő"],
        ["Brăila", "Bacău"],
        ["Šibenik", "Čakovec"],
    ],
    "windows-1251": [["Москва", "Казань"], ["Київ"]],
    "windows-1253": [["Αθήνα", "Πάτρα"]],
    "windows-1254": [["I\u011fd\u0131r", "Muş", "Ş\u0131rnak"], ["İstanbul", "Kad\u0131köy"]],
    "koi8-r": [["Москва", "Казань"]],
    "mac-roman": [["Orléans", "Besançon"], ["München"]],
    "cp850": [["München", "Köln"], ["Besançon"]],
    "shift-jis": [["東京", "大阪"]],
    "gbk": [["北京", "上海"]],
}


def table_of(words: list[str], encoding: str) -> bytes:
    return ("word,x\n" + "".join(f"{word},{row}\n" for row, word in enumerate(words))).encode(encoding)


@pytest.mark.parametrize("words", WESTERN, ids=lambda words: words[0])
def test_western_exports_are_read_and_noted(tmp_path: Path, words: list[str]) -> None:
    content = table_of(words, "windows-1252")
    try:
        expected = "latin-1" if table_of(words, "latin-1") == content else "windows-1252"
    except UnicodeEncodeError:
        expected = "windows-1252"
    source = Source(write(tmp_path, "t.csv", content))
    assert source.read(kinds={"word": "category"}).column("word").to_pylist() == words
    assert source.notes == [f"read as {expected}, because it is not UTF-8; --encoding sets another"]
    utf8 = Source(write(tmp_path, "u.csv", table_of(words, "utf-8")))
    assert utf8.read(kinds={"word": "category"}).column("word").to_pylist() == words
    assert utf8.notes == []


@pytest.mark.parametrize(
    ("encoding", "words"), [(encoding, words) for encoding, samples in OTHERS.items() for words in samples]
)
def test_other_encodings_are_asked_for_and_never_misread(tmp_path: Path, encoding: str, words: list[str]) -> None:
    name = write(tmp_path, "t.csv", table_of(words, encoding))
    message = refusal(name)
    assert message.startswith(f"{name} line 2 is not UTF-8 (byte 0x")
    assert "name its encoding, such as --encoding " in message
    _, plausible = detect_encoding(table_of(words, encoding))
    assert "windows-1252" not in plausible
    read = Source(name, reading=ReadOptions(encoding=encoding))
    assert read.read().column("word").to_pylist() == words
    assert read.notes == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf_16_is_recognised_by_its_mark(tmp_path: Path, encoding: str) -> None:
    source = Source(write(tmp_path, "t.txt", "word\tx\né\t1\n".encode(encoding)))
    assert source.read().to_pydict() == {"word": ["é"], "x": [1]}
    assert source.notes == [f"read as {encoding}, because it is not UTF-8; --encoding sets another"]


def test_json_is_decoded_alike(tmp_path: Path) -> None:
    content = '{"a": "Orléans", "x": 1}\n'.encode("latin-1")
    source = Source(write(tmp_path, "t.jsonl", content))
    assert source.read().to_pydict() == {"a": ["Orléans"], "x": [1]}
    assert source.notes == ["read as latin-1, because it is not UTF-8; --encoding sets another"]


def test_files_of_a_folder_are_noted_together(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path, f"s/{number}.csv", table_of(FRENCH[:2], "latin-1" if number else "utf-8"))
    source = Source(tmp_path / "s")
    assert source.read().num_rows == 6
    assert source.notes == [
        f"{tmp_path}/s/1.csv and 1 more file: read as latin-1, because it is not UTF-8; --encoding sets another"
    ]


def test_text_in_another_encoding_than_named_is_refused_with_its_line(tmp_path: Path) -> None:
    name = write(tmp_path, "t.csv", table_of(["Łódź"], "cp1250"))
    expected = f"{name} line 2 is not ascii (byte 0xa3); name its encoding with --encoding"
    assert refusal(name, reading=ReadOptions(encoding="ascii")) == expected


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf8x", "there is no text encoding 'utf8x'; did you mean utf-8?"),
        ("base64", "there is no text encoding 'base64'; write one such as windows-1252"),
        ("", "there is no text encoding ''; write one such as windows-1252"),
    ],
)
def test_an_encoding_that_does_not_exist_is_refused(encoding: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^there is no text encoding") as caught:
        ReadOptions(encoding=encoding)
    assert str(caught.value) == message
