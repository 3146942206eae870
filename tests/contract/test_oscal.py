"""The component definition claims nothing that no test shows."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.real_data import REAL_DATA, needs_real_data

REPOSITORY = Path(__file__).resolve().parents[2]
DEFINITION = REPOSITORY / "deploy/oscal/component-definition.json"


def claims() -> list[dict[str, Any]]:
    (component,) = json.loads(DEFINITION.read_text())["component-definition"]["components"]
    (implementation,) = component["control-implementations"]
    found: list[dict[str, Any]] = implementation["implemented-requirements"]
    return found


@cache
def functions_in(file: str) -> frozenset[str]:
    tree = ast.parse((REPOSITORY / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("claim", [pytest.param(claim, id=claim["control-id"]) for claim in claims()])
def test_every_claim_names_tests_that_there_are(claim: dict[str, Any]) -> None:
    assert claim["links"]
    for link in claim["links"]:
        file, _, name = link["href"].partition("::")
        assert name in functions_in(file), link["href"]


@needs_real_data
def test_every_control_is_one_of_the_standard_and_claimed_once() -> None:
    named = [claim["control-id"] for claim in claims()]
    profile = (REAL_DATA / "nist/sp800-53-rev5-high-profile.json").read_text()
    assert len(named) == len(set(named))
    assert set(named) <= set(re.findall(r'"([a-z]{2}-\d+(?:\.\d+)?)"', profile))
