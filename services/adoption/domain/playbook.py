"""The content of M3 as data: tasks and artifacts of each phase, built in and imported over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.adoption.domain import playbook_content as content
from services.adoption.domain.m3 import Phase

PHASES = tuple(Phase)
_TAG = re.compile(r"<[^>]*>")
_ASIDE = re.compile(r"\([^)]*\)")
_WORD = re.compile(r"[a-z0-9]+")
_SLUG_MAX_CHARS = 80


class Workstream(StrEnum):
    """Source: M3, four workstreams."""

    PROGRAM = "program"
    WORKFORCE = "workforce"
    TECHNOLOGY = "technology"
    PROCESS = "process"


class Party(StrEnum):
    """Who is responsible."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    SHARED = "shared"


class ItemKind(StrEnum):
    """What a file of the playbook brings."""

    PHASE = "phase"
    CRITERION = "criterion"
    ARTIFACT = "artifact"
    TOLLGATE_ITEM = "tollgate-item"
    TASK = "task"
    TERM = "term"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing of an imported file: its official `title`, and the rest of it as plain data."""

    id: str
    version: int
    kind: ItemKind
    key: str
    phase: Phase | None
    title: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`title` in our words; `official` is that of an imported file, with what it adds."""

    id: str
    phase: Phase
    workstream: Workstream
    party: Party
    title: str
    official: Item | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One document of one phase."""

    id: str
    phase: Phase
    title: str
    imported: bool = False


def slug_of(name: str) -> str:
    """One for all spellings of a document's name: without markup, asides, plurals and punctuation."""
    plain = _ASIDE.sub(" ", _TAG.sub(" ", name)).replace("&", " and ").lower()
    words = (w[:-1] if len(w) > len("its") and w.endswith("s") and not w.endswith("ss") else w for w in _WORD.findall(plain))
    return "-".join(words)[:_SLUG_MAX_CHARS].strip("-")


def artifact_id(phase: Phase, name: str) -> str:
    return f"{phase}-{slug_of(name)}"[:_SLUG_MAX_CHARS].strip("-")


def built_in_tasks() -> dict[str, Task]:
    parties = {"c": Party.CUSTOMER, "p": Party.PROVIDER, "s": Party.SHARED}
    lines = (line.split("|") for line in content.TASKS.strip().splitlines())
    return {
        id_: Task(id=id_, phase=PHASES[int(id_[0])], workstream=Workstream(stream), party=parties[who], title=title)
        for id_, stream, who, title in lines
    }


def built_in_artifacts() -> dict[str, Artifact]:
    lines = (line.split("|") for line in content.ARTIFACTS.strip().splitlines())
    found = (
        Artifact(id=artifact_id(PHASES[int(n)], title), phase=PHASES[int(n)], title=title) for ns, title in lines for n in ns
    )
    return {artifact.id: artifact for artifact in sorted(found, key=lambda each: PHASES.index(each.phase))}


TASKS: Mapping[str, Task] = built_in_tasks()
ARTIFACTS: Mapping[str, Artifact] = built_in_artifacts()
