"""`qsmo`: serve, token, import, export, migrate, doctor, audit.

Each command loads what it needs when it runs: printing a token must not cost the import of four services.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from services.installation import DataFolder, DataInUse
from shared.kernel.errors import QsmoError

DataOption = Annotated[Path, typer.Option("--data", envvar="QSMO_DATA", help="Folder of the embedded installation")]
_DEFAULT_DATA = Path(".data")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The QSMO Marketplace Platform: serve it, import into it, verify it.",
    pretty_exceptions_enable=False,
)
audit_app = typer.Typer(no_args_is_help=True, help="Check what the feed says it is.")
app.add_typer(audit_app, name="audit")


@app.command()
def serve(
    data_folder: DataOption = _DEFAULT_DATA,
    host: Annotated[str, typer.Option(envvar="QSMO_HOST", help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="QSMO_PORT", min=1, max=65535)] = 8080,
    *,
    starter: Annotated[bool, typer.Option(help="Load the starter data on first start")] = True,
) -> None:
    """Run all four services in one process (embedded mode)."""
    gc.disable()  # until `serving` tunes it: scanning what is being imported is a sixth of the start
    from services.commandline import serving  # noqa: PLC0415 - see the module

    asyncio.run(serving.serve(DataFolder(data_folder), host=host, port=port, starter=starter))


@app.command()
def demo(
    data_folder: DataOption = Path(".data/demo"),
    host: Annotated[str, typer.Option(envvar="QSMO_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="QSMO_PORT", min=1, max=65535)] = 8080,
    real_data: Annotated[Path, typer.Option(envvar="QSMO_REAL_DATA", help="Folder of real public files")] = Path(
        "../shared/data"
    ),
) -> None:
    """Serve, and import the real files at hand while you watch."""
    from services.commandline import demo as story  # noqa: PLC0415 - see the module

    asyncio.run(story.demo(DataFolder(data_folder), host=host, port=port, real_data=real_data))


@app.command()
def token(
    role: Annotated[list[str], typer.Option(help="e.g. omb, coordinator, qsmo:cybersecurity, agency:7000:sapoc")],
    subject: Annotated[str, typer.Option(help="Who the token is for")] = "developer",
    data_folder: DataOption = _DEFAULT_DATA,
) -> None:
    """Print a development token for this installation, good for 12 hours."""
    typer.echo(DataFolder(data_folder).issuer.token(subject=subject, roles=role))


@app.command()
def jwks(data_folder: DataOption = _DEFAULT_DATA) -> None:
    """Print the public keys of this folder's development issuer, as an identity provider publishes its own."""
    typer.echo(orjson.dumps(DataFolder(data_folder).issuer.jwks()).decode())


@app.command(name="import")
def import_file(
    kind: Annotated[str, typer.Argument(help="organizations, dotgov, designations, sapoc, standards, controls or fedramp")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    data_folder: DataOption = _DEFAULT_DATA,
    *,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Say what would happen; change nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts per section as JSON")] = False,
) -> None:
    """Import a real file and report what became of every row."""
    from services.commandline import importing  # noqa: PLC0415 - see the module

    request = importing.ImportRequest(kind=kind, file=file, validate_only=validate_only, as_json=as_json)
    raise typer.Exit(asyncio.run(importing.run(DataFolder(data_folder), request)))


@app.command()
def export(
    data_folder: DataOption = _DEFAULT_DATA,
    after: Annotated[int, typer.Option(min=0, help="Only what the feed holds after this seq")] = 0,
    output: Annotated[Path | None, typer.Option(help="File to write; standard output if absent")] = None,
) -> None:
    """Write the feed as NDJSON, one CloudEvent a line, with its `seq`."""
    from services.commandline import data  # noqa: PLC0415 - see the module

    raise typer.Exit(asyncio.run(data.export(DataFolder(data_folder), after=after, output=output)))


@app.command()
def migrate(
    data_folder: DataOption = _DEFAULT_DATA,
    service: Annotated[list[str] | None, typer.Option(help="Only these services")] = None,
) -> None:
    """Bring databases to this version's schema: those of QSMO_<SERVICE>_DATABASE_URL, else the data folder's."""
    from services.commandline import data  # noqa: PLC0415 - see the module

    asyncio.run(data.migrate(DataFolder(data_folder), services=service))


@app.command()
def doctor(data_folder: DataOption = _DEFAULT_DATA) -> None:
    """Look at the installation as a whole; exit status 1 when something needs doing, and what."""
    from services.commandline import doctor as examination  # noqa: PLC0415 - see the module

    raise typer.Exit(asyncio.run(examination.run(DataFolder(data_folder))))


@audit_app.command("verify")
def audit_verify(
    data_folder: DataOption = _DEFAULT_DATA,
    export_file: Annotated[
        Path | None,
        typer.Option("--export", exists=True, dir_okay=False, help="Verify this audit export, offline"),
    ] = None,
    proof_file: Annotated[
        Path | None,
        typer.Option("--proof", exists=True, dir_okay=False, help="Verify this proof of one event, offline"),
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="A public key (base64) that checkpoints may be signed with; repeatable")
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            "--checkpoints",
            exists=True,
            dir_okay=False,
            help="JSON of GET /v1/audit/checkpoints put aside earlier",
        ),
    ] = None,
) -> None:
    """Recompute the hash chain of the whole feed and check its signed checkpoints; names the first bad seq."""
    from services.commandline import audit  # noqa: PLC0415 - see the module

    trusted = frozenset(key or ())
    if proof_file is not None:
        raise typer.Exit(audit.verify_proof(proof_file, trusted=trusted))
    if export_file is not None:
        raise typer.Exit(audit.verify_file(export_file, trusted=trusted))
    raise typer.Exit(asyncio.run(audit.verify(DataFolder(data_folder), trusted=trusted, kept=checkpoints)))


def main() -> None:
    """Refusals in one sentence on standard error, exit status 1; no stack trace for what a person can mend."""
    try:
        app()
    except (QsmoError, DataInUse) as error:
        sys.stderr.write(f"qsmo: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
