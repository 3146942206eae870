"""The FedRAMP marketplace's words, as reviewed data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources

_ROWS = tomllib.loads(resources.files(__package__).joinpath("fedramp_functions.toml").read_text(encoding="utf-8"))

# Every `business_function` that was looked at → its focus area, or None; the reasons stand in the file.
FUNCTIONS: Mapping[str, str | None] = {row["name"]: row.get("area") for row in _ROWS["functions"]}
FOCUS_AREAS: Mapping[str, str] = {name: area for name, area in FUNCTIONS.items() if area}

# Dates of the steps on the way to an authorization, by any of its paths (board, program, agency, program office).
IN_PROCESS_DATES = ("ip_jab_date", "ip_prog_date", "ip_agency_date", "ip_pmo_date")

SMALL_BUSINESS: Mapping[str, bool] = {"yes": True, "no": False}
