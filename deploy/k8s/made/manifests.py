"""Manifests that are made, as yamllint has them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = Path(__file__).resolve().parents[1]


class _Plain(yaml.SafeDumper):
    """No aliases: each manifest is read by itself. Lists are indented."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, indentless=False)


def text(head: str, manifests: Iterable[dict[str, Any]]) -> str:
    return head + "---\n".join(yaml.dump(each, Dumper=_Plain, sort_keys=False, width=130) for each in manifests)
