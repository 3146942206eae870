"""Which shape there is to look at, and what was found, line by line."""

from __future__ import annotations

from collections.abc import Sequence

import click

from services.commandline.doctor import cluster, embedded
from services.installation import DataFolder


async def run(folder: DataFolder, *, services: Sequence[str]) -> int:
    """The exit status: 0 when nothing was found. `services`: only these of a cluster; all four when there are none.

    Raises Unavailable when a server has the folder and does not answer, Invalid for a service there is not.
    """
    found = 0
    in_cluster = bool(services) or cluster.is_named()
    async for finding in cluster.findings(services or cluster.ALL) if in_cluster else embedded.findings(folder):
        found += bool(finding.remedy)
        mark = click.style("✗", fg="red") if finding.remedy else click.style("✓", fg="green")
        click.echo(f"{mark} {finding.what}: {finding.said}")
        if finding.remedy:
            click.echo(f"  → {finding.remedy}")
    return 1 if found else 0
