"""Writes every fact's JSON Schema and the AsyncAPI document: `make schemas`; `--check` says what is out of date instead."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import orjson

from shared.contracts import asyncapi
from shared.contracts.fact import FACTS

MODULES = ("registry", "catalog", "adoption", "oversight", "gateway")
FOLDER = Path(__file__).parent / "schemas"
ASYNCAPI = Path(__file__).parents[2] / "docs" / "asyncapi.json"


def schemas() -> dict[str, bytes]:
    """File name → schema text."""
    load()
    return {f"{type_name}.json": _schema(type_name) for type_name in sorted(FACTS)}


def load() -> None:
    """Every fact of every service is known from here on."""
    for module in MODULES:
        import_module(f"shared.contracts.{module}")


def asyncapi_text() -> bytes:
    load()
    return orjson.dumps(asyncapi.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _schema(type_name: str) -> bytes:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **FACTS[type_name].model_json_schema()}
    schema["$id"] = f"/schemas/{type_name}.json"
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def stale() -> list[str]:
    """Names of files that are absent, outdated or left over."""
    wanted = schemas()
    present = {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    differing = [name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)]
    if not ASYNCAPI.exists() or ASYNCAPI.read_bytes() != asyncapi_text():
        differing.append(ASYNCAPI.name)
    return sorted(differing)


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in stale():
        (FOLDER / name).unlink(missing_ok=True)
    for name, text in schemas().items():
        (FOLDER / name).write_bytes(text)
    ASYNCAPI.write_bytes(asyncapi_text())


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit("\n".join(stale()))
    write()
