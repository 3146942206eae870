from __future__ import annotations

from pathlib import Path

import pytest

from services.registry.config import Settings
from shared.settings import database_url_of

URL = "postgresql+asyncpg://registry@db/registry"


def test_a_secret_is_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qsmo_registry_database_url").write_text(f"{URL}\n")
    monkeypatch.setenv("QSMO_SECRETS_DIR", str(tmp_path))

    assert Settings().database_url.get_secret_value() == URL
    assert database_url_of("registry") == URL
    assert database_url_of("catalog") is None


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qsmo_registry_database_url").write_text("postgresql+asyncpg://elsewhere/x")
    monkeypatch.setenv("QSMO_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("QSMO_REGISTRY_DATABASE_URL", URL)

    assert Settings().database_url.get_secret_value() == URL
    assert database_url_of("registry") == URL
