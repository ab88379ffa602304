"""A report as tests read it, with each element and text; and the measurements of small models."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.frame import matrix_from_frame
from fasttrack.contract.learn import learn_contract
from fasttrack.metrics.reference import learn_reference
from fasttrack.report import Measurements, examine
from fasttrack.training.holdout import predict_holdout

if TYPE_CHECKING:
    import pandas as pd

    from fasttrack.evaluation import Clusters

_TAG = re.compile("<.*?>")
_VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}


@dataclass
class Page(HTMLParser):
    """`tags`: each element with its attributes; `texts`: text by the id of the nearest element with one."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    _open: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if len(attributes) != len(attrs):
            self.wrong.append(f"<{tag}> has an attribute twice")
        if tag not in _VOID:
            above = self._open[-1][1] if self._open else ""
            self._open.append((tag, attributes.get("id") or above))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            self.wrong.append(f"</{tag}> closes {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        where = self._open[-1][1] if self._open else ""
        self.texts[where] = self.texts.get(where, "") + data

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]


def parse_page(text: str) -> Page:
    """The page, which must be well-formed, load nothing and run nothing."""
    page = Page()
    page.feed(text)
    page.close()
    assert not page.wrong
    assert not page._open
    assert len(page.ids) == len(set(page.ids))
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        outward = {"src", "href", "xlink:href", "srcset", "action", "data", "background", "poster"} & set(attributes)
        assert not outward, f"<{tag}> loads {outward}"
        assert not [name for name in attributes if name.startswith("on")], f"<{tag}> runs something"
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    return page


def table_rows(page: str, name: str) -> list[list[str]]:
    """The texts of the cells of the table with this class, by row, without the heads of the columns."""
    table = re.search(rf'<table class="{name}[" ].*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert table is not None, f"no table {name}"
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table[1], re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row.replace("<wbr>", "")) for row in rows]
    return [[html.unescape(_TAG.sub(" ", cell)).strip() for cell in row] for row in cells]


def measure(
    pipeline: Any,
    X: pd.DataFrame,
    y: pd.Series[Any],
    task: Any,
    rows: slice = slice(None),
    clusters: Clusters | None = None,
) -> Measurements:
    """What a report measures of a fitted pipeline on some of its rows."""
    contract = learn_contract(X, pipeline, target="y", task=task)
    matrix = matrix_from_frame(contract, X)
    reference = learn_reference(contract, matrix, np.zeros(1))
    held = predict_holdout(
        pipeline, contract, X.iloc[rows].reset_index(drop=True), y.iloc[rows].reset_index(drop=True), clusters
    )
    return examine(pipeline, contract, reference, held, matrix)
