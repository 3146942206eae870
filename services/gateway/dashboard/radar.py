"""Readiness in six dimensions as a radar; the same numbers stand in a table next to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

DIMENSIONS = ("finance", "customer", "operations", "technology", "organization", "workforce")
_LEVELS = 5
_MIDDLE, _REACH = 170, 120
_HEIGHT = 340


def radar(title: str, levels: Mapping[str, int]) -> str:
    """`levels`: dimension → 1 to 5; what was not assessed lies in the middle."""
    rings = "".join(_ring(level) for level in range(1, _LEVELS + 1))
    spokes = "".join(_spoke(at) for at in range(len(DIMENSIONS)))
    reached = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_point(at, levels.get(name, 0)) for at, name in enumerate(DIMENSIONS)))
    shape = f'<polygon points="{reached}" fill="#2a78b5" fill-opacity=".25" stroke="#2a78b5" stroke-width="2"/>'
    dots = "".join(_dot(at, levels[name]) for at, name in enumerate(DIMENSIONS) if levels.get(name))
    labels = "".join(_label(at, name, levels.get(name)) for at, name in enumerate(DIMENSIONS))
    return (
        f'<svg viewBox="-70 0 480 {_HEIGHT}" role="img" aria-label={quoteattr(title)}>'
        f"{rings}{spokes}{shape}{dots}{labels}</svg>"
    )


def _point(at: int, level: float) -> tuple[float, float]:
    angle = math.tau * at / len(DIMENSIONS) - math.pi / 2
    reach = _REACH * level / _LEVELS
    return _MIDDLE + reach * math.cos(angle), _MIDDLE + reach * math.sin(angle)


def _ring(level: int) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_point(at, level) for at in range(len(DIMENSIONS))))
    return f'<polygon points="{points}" fill="none" stroke="#a9aeb1"/>'


def _spoke(at: int) -> str:
    x, y = _point(at, _LEVELS)
    return f'<line x1="{_MIDDLE}" y1="{_MIDDLE}" x2="{x:.1f}" y2="{y:.1f}" stroke="#a9aeb1"/>'


def _dot(at: int, level: int) -> str:
    x, y = _point(at, level)
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#2a78b5"/>'


def _label(at: int, name: str, level: int | None) -> str:
    x, y = _point(at, _LEVELS + 0.9)
    said = f"{name} {level}" if level else f"{name} –"
    anchor = "middle" if abs(x - _MIDDLE) < 1 else "start" if x > _MIDDLE else "end"
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="14" fill="currentColor" text-anchor="{anchor}"'
        f' dominant-baseline="middle">{escape(said)}</text>'
    )
