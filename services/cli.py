"""`qsmo`: serve, token, import, export, migrate, doctor, backup, restore, reconcile, replay, audit.

Each command loads what it needs when it runs: printing a token must not cost the import of four services.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Literal

import click
import orjson

from services.installation import DataFolder, DataInUse
from shared.kernel.errors import QsmoError

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_FOLDER = click.Path(path_type=Path)
_data_folder = click.option(
    "--data", type=_FOLDER, default=".data", envvar="QSMO_DATA", show_default=True, help="Folder of the embedded installation."
)
_host = click.option("--host", default="127.0.0.1", envvar="QSMO_HOST", show_default=True, help="Address to listen on.")
_port = click.option("--port", type=click.IntRange(1, 65_535), default=8080, envvar="QSMO_PORT", show_default=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """The QSMO Marketplace Platform: serve it, import into it, verify it."""


@app.command()
@_data_folder
@_host
@_port
@click.option("--starter/--no-starter", default=True, help="Load the starter data on first start.", show_default=True)
def serve(data: Path, host: str, port: int, *, starter: bool) -> None:
    """Run all four services in one process (embedded mode)."""
    gc.disable()  # until `serving` tunes it: scanning what is being imported is a sixth of the start
    import uvloop  # noqa: PLC0415 - see the module

    from services.commandline import serving  # noqa: PLC0415 - "

    uvloop.run(serving.serve(DataFolder(data), host=host, port=port, starter=starter))


@app.command()
@click.option("--data", type=_FOLDER, default=".data/demo", envvar="QSMO_DATA", show_default=True)
@_host
@_port
@click.option(
    "--real-data",
    type=_FOLDER,
    default="../shared/data",
    envvar="QSMO_REAL_DATA",
    show_default=True,
    help="Folder of real public files.",
)
def demo(data: Path, host: str, port: int, real_data: Path) -> None:
    """Serve, and import the real files at hand while you watch."""
    from services.commandline import demo as story  # noqa: PLC0415 - see the module

    asyncio.run(story.demo(DataFolder(data), host=host, port=port, real_data=real_data))


@app.command()
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help="e.g. omb, coordinator, qsmo:cybersecurity, agency:7000:sapoc; repeatable.",
)
@click.option("--subject", default="developer", show_default=True, help="Who the token is for.")
@_data_folder
def token(data: Path, roles: tuple[str, ...], subject: str) -> None:
    """Print a development token for this installation, good for 12 hours."""
    click.echo(DataFolder(data).issuer.token(subject=subject, roles=list(roles)))


@app.command()
@_data_folder
def jwks(data: Path) -> None:
    """Print the public keys of this folder's development issuer, as an identity provider publishes its own."""
    click.echo(orjson.dumps(DataFolder(data).issuer.jwks()).decode())


@app.command(name="import")
@click.argument("kind")
@click.argument("file", type=_FILE)
@_data_folder
@click.option("--validate-only", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts per section as JSON.")
def import_file(data: Path, kind: str, file: Path, *, validate_only: bool, as_json: bool) -> None:
    """Import a real file and report what became of every row.

    KIND is organizations, dotgov, designations, sapoc, standards, controls, m3 or fedramp.
    """
    from services.commandline import importing  # noqa: PLC0415 - see the module

    request = importing.ImportRequest(kind=kind, file=file, validate_only=validate_only, as_json=as_json)
    _end(importing.run(DataFolder(data), request))


@app.command()
@_data_folder
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only what the feed holds after this seq.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output if absent.")
def export(data: Path, after: int, output: Path | None) -> None:
    """Write the feed as NDJSON, one CloudEvent a line, with its `seq`."""
    from services.commandline import data as files  # noqa: PLC0415 - see the module

    _end(files.export(DataFolder(data), after=after, output=output))


@app.command()
@_data_folder
@click.option("--service", "services", multiple=True, help="Only this service; repeatable.")
def migrate(data: Path, services: tuple[str, ...]) -> None:
    """Bring databases to this version's schema: those of QSMO_<SERVICE>_DATABASE_URL, else the data folder's."""
    from services.commandline import data as files  # noqa: PLC0415 - see the module

    asyncio.run(files.migrate(DataFolder(data), services=list(services) or None))


@app.command()
@_data_folder
@click.option("--service", "services", multiple=True, help="Only this service of a cluster, e.g. in its pod; repeatable.")
def doctor(data: Path, services: tuple[str, ...]) -> None:
    """Look at the installation as a whole; exit status 1 when something needs doing, and what.

    The cluster of QSMO_<SERVICE>_… when a database is named so, else the data folder.
    """
    from services.commandline.doctor import examination  # noqa: PLC0415 - see the module

    _end(examination.run(DataFolder(data), services=services))


@app.command()
@click.argument("destination", type=_FOLDER)
@_data_folder
def backup(destination: Path, data: Path) -> None:
    """Copy the embedded installation, as it is at one moment, into a new folder; it may be served meanwhile."""
    from services.commandline.recovery import copies  # noqa: PLC0415 - see the module

    copies.backup(DataFolder(data), destination)


@app.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_data_folder
@click.option("--events", type=_FILE, help="An event log that survived (events.db), to take instead of the backup's.")
def restore(source: Path, data: Path, events: Path | None) -> None:
    """Put a backup into a new data folder; `qsmo reconcile` says what it lacks."""
    from services.commandline.recovery import copies  # noqa: PLC0415 - see the module

    copies.restore(source, DataFolder(data), events=events)


@app.command()
@_data_folder
@click.option("--repair", is_flag=True, help="Bring back what somebody still has.")
@click.option(
    "--lost", type=click.Path(dir_okay=False, path_type=Path), help="File for the facts whose owner lost them (NDJSON)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def reconcile(data: Path, lost: Path | None, *, repair: bool, as_json: bool) -> None:
    """Say what databases and bus lack of one another after a restore; exit status 1 when something is lost or missing.

    Asks the databases of QSMO_<SERVICE>_DATABASE_URL and the bus of QSMO_GATEWAY_BUS_URL, else the data folder.
    """
    from services.commandline.recovery import reconcile as books  # noqa: PLC0415 - see the module

    _end(books.run(DataFolder(data), repair=repair, lost_file=lost, as_json=as_json))


@app.command()
@click.argument("service")
@_data_folder
@click.option("--model", help="Only this table.")
@click.option(
    "--from",
    "source",
    type=click.Choice(["bus", "outboxes"]),
    default="bus",
    show_default=True,
    help="Where facts are read: the topics, or what their owners recorded.",
)
@click.option("--apply", is_flag=True, help="Write what differs.")
def replay(data: Path, service: str, model: str | None, source: Literal["bus", "outboxes"], *, apply: bool) -> None:
    """Make what SERVICE keeps of others' facts anew, beside it, and compare; exit status 1 when anything differs.

    SERVICE is catalog or adoption, and may be served meanwhile. Asks where `reconcile` does.
    """
    from services.commandline.recovery import replay as anew  # noqa: PLC0415 - see the module
    from shared import telemetry  # noqa: PLC0415 - "

    telemetry.configure_logging()
    _end(anew.run(DataFolder(data), service=service, model=model, source=source, apply=apply))


@app.group()
def audit() -> None:
    """Check what the feed says it is."""


@audit.command("verify")
@_data_folder
@click.option("--export", "export_file", type=_FILE, help="Verify this audit export, offline.")
@click.option("--proof", "proof_file", type=_FILE, help="Verify this proof of one event, offline.")
@click.option("--key", "keys", multiple=True, help="A public key (base64) that checkpoints may be signed with; repeatable.")
@click.option("--checkpoints", type=_FILE, help="JSON of GET /v1/audit/checkpoints put aside earlier.")
def audit_verify(
    data: Path, export_file: Path | None, proof_file: Path | None, keys: tuple[str, ...], checkpoints: Path | None
) -> None:
    """Recompute the hash chain of the whole feed and check its signed checkpoints; names the first bad seq."""
    from services.commandline import audit as auditing  # noqa: PLC0415 - see the module

    trusted = frozenset(keys)
    if proof_file is not None:
        sys.exit(auditing.verify_proof(proof_file, trusted=trusted))
    if export_file is not None:
        sys.exit(auditing.verify_file(export_file, trusted=trusted))
    _end(auditing.verify(DataFolder(data), trusted=trusted, kept=checkpoints))


def _end(status: Awaitable[int]) -> None:
    async def awaited() -> int:
        return await status

    sys.exit(asyncio.run(awaited()))


def main() -> None:
    """Refusals in one sentence on standard error, exit status 1; no stack trace for what a person can mend."""
    try:
        app()
    except (QsmoError, DataInUse) as error:
        sys.stderr.write(f"qsmo: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
