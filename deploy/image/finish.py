"""What a build of the image ends with: the environment as small as it runs, alike in every build, and a list of its parts.

    python -X no_debug_ranges finish.py ENVIRONMENT LISTED DEPENDENCIES OWN

LISTED is what `uv export --format cyclonedx1.5` says may be there; what is becomes sbom.cdx.json beside the environment.
What is ours is moved below OWN, everything else below DEPENDENCIES: a layer that stays the same from release to release.
"""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import struct
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any
from uuid import NAMESPACE_URL, uuid5

OURS = ("services", "shared")
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
# Tests, sources of what is compiled, databases that are not ours, scripts for shells, and notes of the installer, which know
# the time.
NOT_NEEDED = (
    *("**/__pycache__", "**/uv_*.json", "**/tests", "sqlalchemy/testing", "alembic/testing", "asyncpg/_testbase"),
    *(f"sqlalchemy/dialects/{name}" for name in ("mssql", "mysql", "oracle")),
    *(f"**/*.{kind}" for kind in ("c", "cpp", "h", "hpp", "pyx", "pxd", "pxi", "pyi", "asm", "obj")),
    *("pydantic/mypy.py", "starlette/testclient.py"),
)
NOT_NEEDED_ABOVE = ("bin/[Aa]ctivate*", "bin/*.bat", ".lock", "include")
# 64 bits, little-endian.
_ELF = b"\x7fELF\x02\x01"
_HEADER = 64


def slim(environment: Path, packages: Path) -> None:
    unwanted = [path for name in NOT_NEEDED for path in packages.glob(name)]
    unwanted += [path for name in NOT_NEEDED_ABOVE for path in environment.glob(name)]
    for path in unwanted:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for library in packages.rglob("*.so*"):
        # Written anew: in the installer's cache it may be the same file.
        stripped = loaded(library.read_bytes())
        library.unlink()
        library.write_bytes(stripped)
        library.chmod(0o755)


def loaded(library: bytes) -> bytes:
    """A shared library without what no loader reads: all that follows its last segment, which is symbols and debugging data."""
    if not library.startswith(_ELF):
        return library
    (first,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    segments = [struct.unpack_from("<8xQ16xQ", library, first + n * size) for n in range(count)]
    end = max([_HEADER, first + size * count, *(offset + length for offset, length in segments)])
    kept = bytearray(library[:end])
    struct.pack_into("<Q", kept, 40, 0)  # where sections stand,
    struct.pack_into("<HH", kept, 60, 0, 0)  # how many there are, and which has their names
    return bytes(kept)


def compiled(packages: Path) -> None:
    """Bytecode by hash, not by time stamp: two builds are alike, and a read-only root needs no writing."""
    done = compileall.compile_dir(packages, quiet=1, force=True, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    if not done:
        raise SystemExit("finish.py: something does not compile")


def parts(listed: dict[str, Any], packages: Path) -> dict[str, Any]:
    """The components that are installed, and nothing of when they were listed. Raises SystemExit for one that is not listed."""
    installed = {_normal(each.name): each for each in distributions(path=[str(packages)])}
    known = {_normal(each["name"]): each for each in [*listed["components"], listed["metadata"]["component"]]}
    if unknown := installed.keys() - known.keys():
        raise SystemExit(f"finish.py: installed, and not in uv.lock: {', '.join(sorted(unknown))}")

    own = listed["metadata"]["component"]
    components = [known[name] for name in sorted(installed) if known[name] is not own]
    for each in components:
        if given := _licence(installed[_normal(each["name"])].metadata):
            each["licenses"] = [given]
    there = {each["bom-ref"] for each in [own, *components]}
    depend = [{**each, "dependsOn": sorted(there & set(each.get("dependsOn", ())))} for each in listed["dependencies"]]
    told = {
        **listed,
        "metadata": {**listed["metadata"], "timestamp": datetime.fromtimestamp(EPOCH, UTC).isoformat().replace("+00:00", "Z")},
        "components": components,
        "dependencies": sorted((each for each in depend if each["ref"] in there), key=lambda each: str(each["ref"])),
    }
    del told["serialNumber"]
    return {**told, "serialNumber": uuid5(NAMESPACE_URL, json.dumps(told, sort_keys=True)).urn}


def _licence(metadata: Any) -> dict[str, Any] | None:
    if expression := metadata.get("License-Expression"):
        return {"expression": expression}
    named = (metadata.get("License") or "").strip().splitlines()
    return {"license": {"name": named[0]}} if named else None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def recorded(packages: Path) -> None:
    """What was installed, without the files that are gone: some of these were of this build alone."""
    for record in packages.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(line for line in lines if (packages / line.split(",")[0]).exists()))


def moved(environment: Path, packages: Path, own: Path) -> None:
    for path in [*(packages / name for name in OURS), *packages.glob("qsmo-*.dist-info"), environment / "bin/qsmo"]:
        place = own / path.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, place)


def date(root: Path) -> None:
    """Everything at one time, what is inside before what it is in."""
    for path in [*_below(root), root]:
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def _below(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root, topdown=False):
        yield from (Path(folder) / name for name in (*files, *folders))


def main(environment: Path, listed: Path, dependencies: Path, own: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    slim(environment, packages)
    compiled(packages)
    recorded(packages)
    found = parts(json.loads(listed.read_text()), packages)
    moved(environment, packages, own)
    app = environment.parent.relative_to("/")
    (own / app / "sbom.cdx.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    dependencies.mkdir()
    shutil.move(environment.parent, dependencies / app)
    for root in (dependencies, own):
        date(root)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
