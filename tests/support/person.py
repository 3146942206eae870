"""Somebody at the pages without a browser: signs in, and fills in forms as they come."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from types import TracebackType
from typing import Any, Self

import httpx


class Form(HTMLParser):
    """The last form of a page: what a browser would send of it untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._choice = self._text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self.values = {}
        elif tag == "input" and name and (given.get("type") != "checkbox" or "checked" in given):
            self.values[name] = given.get("value") or ""
        elif tag in {"select", "textarea"}:
            self.values[name] = ""
            self._choice, self._text = (name, "") if tag == "select" else ("", name)
        elif tag == "option" and "selected" in given:
            self.values[self._choice] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._text = ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.values[self._text] += data


class Person:
    def __init__(self, base: str, *, role: str, subject: str) -> None:
        self.client = httpx.Client(base_url=base, timeout=30)
        form = Form(self.client.get("/sign-in").text).values
        self.client.post("/sign-in", data={**form, "role": role, "subject": subject})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()

    def form(self, path: str, *, to: str = "/me", **chosen: Any) -> dict[str, str]:
        """The form of what can be done at this address of the API."""
        given = [f"{name}:{value}" for name, value in chosen.items()]
        shown = self.client.get("/act", params={"path": path, "to": to, "chosen": given})
        assert shown.status_code == 200, shown.text
        return Form(shown.text).values

    def send(self, form: dict[str, str], **filled: str) -> httpx.Response:
        """`filled`: by field name, with `__` for its slashes."""
        return self.client.post("/act", data={**form, **{name.replace("__", "/"): value for name, value in filled.items()}})

    def text(self, path: str) -> str:
        """What a person reads of a page."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return said(answer)


def said(answer: httpx.Response) -> str:
    """Without tags, and with one space where there are many."""
    main = answer.text.partition("<main")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())
