"""The FedRAMP marketplace's words."""

from __future__ import annotations

from collections.abc import Mapping

# Dates of the steps on the way to an authorization, by any of its paths (board, program, agency, program office).
IN_PROCESS_DATES = ("ip_jab_date", "ip_prog_date", "ip_agency_date", "ip_pmo_date")

SMALL_BUSINESS: Mapping[str, bool] = {"yes": True, "no": False}
