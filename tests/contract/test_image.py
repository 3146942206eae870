"""What a build of the image ends with; `make verify-image` builds one."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import httptools
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def finish() -> ModuleType:
    spec = importlib.util.spec_from_file_location("finish", ROOT / "deploy/image/finish.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def a_package(folder: Path, name: str, *, licence: str = "MIT") -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n")


def listed(*names: str) -> dict[str, object]:
    components = [{"name": name, "version": "1.0", "bom-ref": name} for name in names]
    own = {"name": "qsmo", "version": "1.0", "bom-ref": "qsmo"}
    dependencies = [{"ref": name, "dependsOn": [*names]} for name in ("qsmo", *names)]
    metadata = {"component": own, "timestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "components": components, "dependencies": dependencies, "serialNumber": "urn:uuid:x"}


def test_a_library_without_its_symbols_is_smaller_and_still_loads(finish: ModuleType, tmp_path: Path) -> None:
    shutil.copytree(Path(httptools.__file__).parent, tmp_path / "httptools")
    (library,) = (tmp_path / "httptools/parser").glob("url_parser*.so")
    whole = library.read_bytes()

    library.write_bytes(finish.loaded(whole))

    assert library.stat().st_size < len(whole)
    program = "import httptools; assert httptools.parse_url(b'/a?b').query == b'b'; print(httptools.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(tmp_path))
    assert finish.loaded(b"no library") == b"no library"


def test_the_list_of_parts_is_of_what_is_there_and_the_same_in_every_build(finish: ModuleType, tmp_path: Path) -> None:
    a_package(tmp_path, "qsmo", licence="Apache-2.0")
    a_package(tmp_path, "one")

    first = finish.parts(listed("one", "for-windows"), tmp_path)
    later = {**listed("one", "for-windows"), "serialNumber": "urn:uuid:y"}
    again = finish.parts(later, tmp_path)

    assert [(each["name"], each["licenses"]) for each in first["components"]] == [("one", [{"expression": "MIT"}])]
    assert first["dependencies"] == [{"ref": "one", "dependsOn": ["one"]}, {"ref": "qsmo", "dependsOn": ["one"]}]
    assert first == again


def test_a_package_that_is_not_in_the_lock_fails_the_build(finish: ModuleType, tmp_path: Path) -> None:
    a_package(tmp_path, "qsmo")
    a_package(tmp_path, "stowaway")

    with pytest.raises(SystemExit, match="stowaway"):
        finish.parts(listed("one"), tmp_path)


def test_what_was_recorded_and_is_gone_is_no_longer_recorded(finish: ModuleType, tmp_path: Path) -> None:
    a_package(tmp_path, "one")
    record = tmp_path / "one-1.0.dist-info/RECORD"
    record.write_text("one-1.0.dist-info/METADATA,sha256=x,1\none-1.0.dist-info/uv_cache.json,sha256=y,2\n")

    finish.recorded(tmp_path)

    assert record.read_text() == "one-1.0.dist-info/METADATA,sha256=x,1\n"


def test_the_image_is_built_with_the_installer_that_developers_have() -> None:
    (here,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert f'"uv=={here}"' in (ROOT / "Dockerfile").read_text()
