"""Reading a report as a browser's parser does, without one."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class ReadPage(HTMLParser):
    """What is on a page."""

    tags: Counter[str] = field(default_factory=Counter)
    text: str = ""
    cells: list[str] = field(default_factory=list)  # of tables, but for headings
    references: set[str] = field(default_factory=set)  # values of href, src and the like
    policy: str = ""
    figures: dict[str, tuple[str, str]] = field(default_factory=dict)  # title and description
    scopes: Counter[str] = field(default_factory=Counter)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._labels: list[str] = []
        self._words: dict[str, str] = {}
        self._named: str | None = None
        self._in_cell = False

    @property
    def tables(self) -> int:
        return self.tags["table"]

    def attributes_with(self, name: str, value: str) -> int:
        return self.attributes.count((name, value))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._in_cell = tag == "td"
        self.attributes += attrs
        own = dict(attrs)
        self.references |= {v for k, v in attrs if v and k in ("href", "src", "srcset", "action")}
        if tag == "meta" and own.get("http-equiv") == "Content-Security-Policy":
            self.policy = own["content"] or ""
        if own.get("role") == "img":
            self._labels.append(own["aria-labelledby"] or "")
        self._named = own.get("id") if tag in ("title", "desc") else None
        self.scopes[own.get("scope") or "none"] += tag == "th"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_cell:
            self.cells.append(data.strip())
        if self._named is not None:
            self._words[self._named] = self._words.get(self._named, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._named, self._in_cell = None, False

    def close(self) -> None:
        super().close()
        self.scopes = +self.scopes
        for labels in self._labels:
            title, description = labels.split()
            said = (self._words[title], self._words[description])
            self.figures[title.removesuffix("-title")] = said


def read_page(html: str) -> ReadPage:
    page = ReadPage()
    page.feed(html)
    page.close()
    return page
