"""`qsmo audit verify`."""

from __future__ import annotations

import os
import sys

from services.gateway.audit import verify_chain
from services.installation import DataFolder
from shared.db import Database


async def verify(folder: DataFolder) -> int:
    """0 when the chain holds, 1 when it does not."""
    db = Database(os.environ.get("QSMO_GATEWAY_DATABASE_URL") or folder.database_url("gateway"))
    try:
        report = await verify_chain(db)
    finally:
        await db.close()
    if report.ok:
        sys.stdout.write(f"The feed holds {report.events} facts and its hash chain is whole.\n")
        return 0
    sys.stdout.write(f"The feed is broken at seq {report.first_bad_seq}: {report.reason}\n")
    return 1
