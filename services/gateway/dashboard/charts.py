"""Charts as SVG, drawn here: nothing but presentation attributes, so they are the same in a page, in print and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from html import escape
from itertools import chain

# Told apart also by those who do not see colours alike, each at least 3:1 on white and on near-black (Source: Okabe and Ito).
COLOURS = ("#2a78b5", "#c9650a", "#148a68", "#a3579b", "#7a7a7a", "#b3831b")
_WIDTH = 800
_LABELS = 280
_ROW = 26
_CHARACTER = 7.3
_SIZE = 'font-family="system-ui, sans-serif" font-size="12.5" fill="currentColor"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`id` names it in the page and in the file; `title` is what it shows, for those who cannot see it too."""

    id: str
    title: str
    height: int
    parts: tuple[str, ...]

    @property
    def svg(self) -> str:
        """For a page."""
        return self._drawn("")

    @property
    def file(self) -> str:
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + self._drawn(
            f' xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{self.height}"'
        )

    def _drawn(self, more: str) -> str:
        return (
            f'<svg{more} viewBox="0 0 {_WIDTH} {self.height}" role="img" aria-label="{escape(self.title)}">'
            f"{''.join(self.parts)}</svg>"
        )


@dataclass(frozen=True, slots=True)
class Bar:
    """One number per series; `shown` as people say them."""

    label: str
    values: Sequence[int]
    shown: Sequence[str] = field(default=())

    def said(self, at: int) -> str:
        return self.shown[at] if self.shown else f"{self.values[at]:,}"


def stacked(id_: str, title: str, *, series: Sequence[str], bars: Sequence[Bar]) -> Chart:
    """Numbers of one bar that add up."""
    largest = max((sum(bar.values) for bar in bars), default=0)
    scale = (_WIDTH - _LABELS - 60) / largest if largest else 0
    top, parts = _legend(series)
    for row, bar in enumerate(bars):
        y, x = top + row * _ROW, float(_LABELS)
        parts.append(_text(_LABELS - 10, y + 16, bar.label, anchor="end"))
        for at, value in enumerate(bar.values):
            parts.append(_box(x, y + 3, value * scale, _ROW - 8, COLOURS[at], f"{bar.label}, {series[at]}: {bar.said(at)}"))
            x += value * scale
        parts.append(_text(x + 6, y + 16, f"{sum(bar.values):,}"))
    return Chart(id=id_, title=title, height=top + len(bars) * _ROW + 4, parts=tuple(parts))


def grouped(id_: str, title: str, *, series: Sequence[str], bars: Sequence[Bar]) -> Chart:
    """Numbers side by side that must not be added. Negative ones are shown by their number alone."""
    largest = max(chain.from_iterable(bar.values for bar in bars), default=0)
    scale = (_WIDTH - _LABELS - 130) / largest if largest > 0 else 0
    top, parts = _legend(series)
    height, thin = len(series) * 18 + 10, 14
    for row, bar in enumerate(bars):
        y = top + row * height
        parts.append(_text(_LABELS - 10, y + height // 2, bar.label, anchor="end"))
        for at, value in enumerate(bar.values):
            width, line = max(0, value) * scale, y + at * 18
            parts.append(_box(_LABELS, line, width, thin, COLOURS[at], f"{bar.label}, {series[at]}: {bar.said(at)}"))
            parts.append(_text(_LABELS + width + 6, line + 12, bar.said(at)))
    return Chart(id=id_, title=title, height=top + len(bars) * height + 4, parts=tuple(parts))


def heat(id_: str, title: str, *, columns: Sequence[str], rows: Sequence[Bar]) -> Chart:
    """A number per cell, the darker the larger; the number itself is written too."""
    largest = max(chain.from_iterable(row.values for row in rows), default=0) or 1
    width = (_WIDTH - _LABELS) / max(1, len(columns))
    parts = [_text(_LABELS + (at + 0.5) * width, 16, name, anchor="middle") for at, name in enumerate(columns)]
    for line, row in enumerate(rows):
        y = 26 + line * 30
        parts.append(_text(_LABELS - 10, y + 19, row.label, anchor="end"))
        for at, value in enumerate(row.values):
            shade = value / largest
            parts.append(_cell(_LABELS + at * width, y, width, shade, row.said(at)))
    return Chart(id=id_, title=title, height=30 + len(rows) * 30, parts=tuple(parts))


@dataclass(frozen=True, slots=True)
class Span:
    """How a service stood from one day to another."""

    status: str
    begins: date
    ends: date


_STATUS_COLOURS = {"research": COLOURS[4], "pre_designated": COLOURS[1], "designated": COLOURS[2], "suspended": COLOURS[3]}


def timeline(
    id_: str, title: str, *, rows: Sequence[tuple[str, Sequence[Span]]], first: date, last: date, marked: date | None = None
) -> Chart:
    """Years from left to right; `marked`: the day that is looked at."""
    scale = (_WIDTH - _LABELS - 20) / max(1, (last - first).days)

    def at(day: date) -> float:
        return _LABELS + (min(max(day, first), last) - first).days * scale

    top, parts = _legend([name.replace("_", "-") for name in _STATUS_COLOURS], tuple(_STATUS_COLOURS.values()))
    bottom = top + 20 + len(rows) * 20
    for year in range(first.year + 1, last.year + 1):
        x = at(date(year, 1, 1))
        parts.append(_line(x, top + 16, x, bottom, "currentColor", 'stroke-opacity=".2"'))
        if (last.year - first.year) <= 12 or year % 2 == 0:
            parts.append(_text(x, top + 10, str(year), anchor="middle"))
    for row, (label, spans) in enumerate(rows):
        y = top + 20 + row * 20
        parts.append(_text(_LABELS - 10, y + 14, label, anchor="end"))
        for span in spans:
            said = f"{label}: {span.status.replace('_', '-')} from {span.begins} to {span.ends}"
            parts.append(
                _box(
                    at(span.begins),
                    y + 3,
                    at(span.ends) - at(span.begins),
                    13,
                    _STATUS_COLOURS.get(span.status, COLOURS[4]),
                    said,
                )
            )
    if marked is not None:
        parts.append(_line(at(marked), top + 16, at(marked), bottom, "currentColor", 'stroke-width="2" stroke-dasharray="4 3"'))
    return Chart(id=id_, title=title, height=bottom + 6, parts=tuple(parts))


@dataclass(frozen=True, slots=True)
class Entry:
    """From a day on it stands so, until the next one."""

    service: str
    on: date
    status: str


def spans(entries: Sequence[Entry], *, today: date) -> dict[str, list[Span]]:
    """Service → how it stood when; what has ended leaves a gap, unless another begins on that day."""
    found: dict[str, list[Span]] = {}
    by_service: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda each: (each.on, each.status != "ended")):
        by_service.setdefault(entry.service, []).append(entry)
    for service, told in by_service.items():
        ends = [*(following.on for following in told[1:]), today + timedelta(days=1)]
        found[service] = [
            Span(entry.status, entry.on, end)
            for entry, end in zip(told, ends, strict=True)
            if entry.status != "ended" and end > entry.on
        ]
    return found


def _legend(series: Sequence[str], colours: Sequence[str] = COLOURS) -> tuple[int, list[str]]:
    """How far down it reaches, and its parts."""
    parts, x, y = [], 0.0, 4
    for name, colour in zip(series, colours, strict=False):
        width = 30 + len(name) * _CHARACTER
        if x + width > _WIDTH:
            x, y = 0.0, y + 20
        parts += [f'<rect x="{x:.0f}" y="{y}" width="12" height="12" fill="{colour}"/>', _text(x + 18, y + 11, name)]
        x += width + 14
    return y + 30, parts


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    fits = int((_LABELS - 10) / _CHARACTER)
    short = text if anchor != "end" or len(text) <= fits else text[: fits - 1].rstrip() + "…"
    more = "" if short == text else f"<title>{escape(text)}</title>"
    return f'<text x="{x:.0f}" y="{y:.0f}" {_SIZE} text-anchor="{anchor}">{more}{escape(short)}</text>'


def _box(x: float, y: float, width: float, height: float, colour: str, said: str) -> str:
    """Nothing for nothing; what is small is still seen."""
    if width <= 0:
        return ""
    return (
        f'<rect x="{x:.1f}" y="{y:.0f}" width="{max(1.0, width):.1f}" height="{height:.0f}" fill="{colour}">'
        f"<title>{escape(said)}</title></rect>"
    )


def _cell(x: float, y: float, width: float, shade: float, said: str) -> str:
    fill = f'fill="{COLOURS[0]}" fill-opacity="{0.08 + 0.47 * shade:.2f}"'
    box = f'<rect x="{x + 1:.1f}" y="{y}" width="{width - 2:.1f}" height="28" {fill}/>'
    return box + _text(x + width / 2, y + 19, said, anchor="middle")


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.0f}" x2="{x2:.1f}" y2="{y2:.0f}" stroke="{colour}" {more}/>'
