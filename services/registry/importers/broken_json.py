"""Objects of one list in a JSON file that was written by hand: read as a stream, trailing commas forgiven and reported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shared.imports.files import refuse_archives
from shared.kernel.errors import Invalid

_CHUNK_CHARS = 1 << 16
_OBJECT_MAX_CHARS = 1 << 16
_ROOT, _LIST, _OBJECT = 1, 2, 3


@dataclass(slots=True)
class FoundObject:
    """The text of one object, as JSON should be; `repairs` says what was not."""

    text: str
    repairs: list[str] = field(default_factory=list)


def objects_of(path: Path, *, key: str) -> Iterator[FoundObject]:
    """The objects of the list under `key` of the root object, in order.

    Raises Invalid for a file that is no text, has no such list, or is cut off.
    """
    refuse_archives(path)
    scanner = _Scanner(key)
    try:
        with path.open(encoding="utf-8-sig") as file:
            while chunk := file.read(_CHUNK_CHARS):
                yield from scanner.take(chunk)
    except UnicodeDecodeError as err:
        raise Invalid(f"The file is not UTF-8 text (byte {err.start} of a block).") from err
    yield from scanner.end()


class _Scanner:
    """Keeps apart text and structure; a comma is held back until it is known what follows it."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._depth = 0
        self._in_text = self._is_escaped = self._has_comma = self._in_list = self._has_list = False
        self._word: list[str] = []
        self._object: list[str] = []
        self._found: FoundObject | None = None
        self._repairs: list[str] = []

    def take(self, chunk: str) -> Iterator[FoundObject]:
        """An object is given out when the next one begins or the list ends: a comma behind it may be too many."""
        for char in chunk:
            if self._in_text:
                self._text(char)
            elif char == ",":
                self._hold_comma()
            elif not char.isspace():
                if char == "{" and self._depth == _LIST and self._found is not None:
                    yield self._found
                    self._found = None
                self._structure(char)
                if char == "]" and self._depth == _ROOT and self._found is not None:
                    yield self._found
                    self._found = None
            self._keep(char)

    def end(self) -> Iterator[FoundObject]:
        if self._depth or self._in_text:
            raise Invalid("The JSON ends in the middle: the file may be cut off.")
        if not self._has_list:
            raise Invalid(f"The file is no JSON object with a list {self._key!r}.")
        yield from ()

    def _text(self, char: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
        elif char == "\\":
            self._is_escaped = True
        elif char == '"':
            self._in_text = False
        else:
            self._word.append(char)

    def _hold_comma(self) -> None:
        if self._has_comma:
            self._repairs.append("a doubled comma")
        self._has_comma = True

    def _structure(self, char: str) -> None:
        if char in "}]":
            self._close()
            return
        self._settle_comma()
        if char == '"':
            self._in_text, self._word = True, []
        elif char in "{[":
            self._open(char)

    def _settle_comma(self) -> None:
        if self._has_comma and self._depth >= _OBJECT:
            self._object.append(",")
        self._has_comma = False

    def _open(self, char: str) -> None:
        if self._depth == 0 and char != "{":
            raise Invalid(f"The file is no JSON object with a list {self._key!r}.")
        if self._depth == _ROOT:
            self._in_list = char == "[" and "".join(self._word) == self._key
            self._has_list = self._has_list or self._in_list
        self._depth += 1
        if self._depth == _OBJECT:
            self._object, self._repairs = [], []

    def _close(self) -> None:
        if self._depth == 0:
            raise Invalid("The JSON closes more brackets than it opens.")
        if self._has_comma:
            self._has_comma = False
            repairs = self._found.repairs if self._found is not None and self._depth == _LIST else self._repairs
            repairs.append("a trailing comma")
        self._depth -= 1
        if self._depth == _LIST and self._in_list:
            self._found = FoundObject("".join(self._object) + "}", self._repairs)

    def _keep(self, char: str) -> None:
        """What belongs to the object under way; its commas are put where they are settled."""
        if self._depth < _OBJECT or (char == "," and not self._in_text):
            return
        if len(self._object) > _OBJECT_MAX_CHARS:
            raise Invalid(f"An object of the list has more than {_OBJECT_MAX_CHARS} characters.")
        self._object.append(char)
