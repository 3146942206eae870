"""Many changes of a catalog at once: tried or made, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Response
from pydantic import Field, StringConstraints, ValidationError

from services.catalog.api.change_set_acts import ACTS, Act, Call, Op
from shared.auth import Principal
from shared.db import Transaction
from shared.kernel.errors import FieldError, Invalid, QsmoError, Unavailable
from shared.web.edge import Answered, AtEdge
from shared.web.problems import field_errors
from shared.web.routes import Router
from shared.web.wire import Shown, Whole, Wire

router = Router(tags=["change sets"])

OPERATIONS_MAX = 500
Ref = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Target = Annotated[str, StringConstraints(pattern=r"^#?[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=129)]
# Members of bodies that hold the id of something; what a set makes is named there by `#` and its `ref`.
_REFERRING = ("provider_id", "successor_id")


class Intent(StrEnum):
    """`validate` tells what `apply` would do, and leaves nothing behind."""

    VALIDATE = "validate"
    APPLY = "apply"


class Operation(Wire):
    """`body`: as of the operation's own route. `ref` names what it makes; later operations say `#<ref>` for its id.

    `version`: the one that was read, of what was there before the set; after that the set knows it itself.
    """

    op: Op
    ref: Ref | None = None
    id: Target | None = None
    version: Annotated[int, Field(ge=1), Whole] | None = None
    body: dict[str, Any] = {}


class ChangeSet(Wire):
    intent: Intent
    operations: Annotated[list[Operation], Field(min_length=1, max_length=OPERATIONS_MAX)]


class MemberChange(Shown):
    """`before` is None for what is made."""

    member: str
    before: Any
    after: Any


class OperationDone(Shown):
    """`version_before` is None for what is made."""

    op: Op
    ref: str | None
    kind: str
    id: str
    version_before: int | None
    version: int
    changes: list[MemberChange]


class ChangeSetDone(Shown):
    """`applied` is False where everything was rolled back again; ids of what was made are then of no use."""

    intent: Intent
    applied: bool
    operations: list[OperationDone]


@router.post("/v1/change-sets", response_model=ChangeSetDone)
async def apply_change_set(body: ChangeSet, at: AtEdge) -> Response:
    """In order, in one transaction; refused with every fault of every operation, and then nothing is changed.

    Each operation needs the roles that its own route needs.
    """
    dry = body.intent is Intent.VALIDATE

    async def command(tx: Transaction) -> Answered:
        done = await _Run(tx, at.principal).all(body.operations)
        return Answered(ChangeSetDone(intent=body.intent, applied=not (dry or at.is_dry_run()), operations=done))

    return await at.write(command, dry=dry)


@dataclass
class _Run:
    """One set on its way through its transaction."""

    tx: Transaction
    by: Principal
    made: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    faults: list[FieldError] = field(default_factory=list)

    async def all(self, operations: list[Operation]) -> list[OperationDone]:
        """Raises Invalid with all faults, Unavailable."""
        done = []
        for number, operation in enumerate(operations):
            found = await self._one(number, operation)
            if found is not None:
                done.append(found)
        if self.faults:
            wrong = len({fault.pointer.split("/")[2] for fault in self.faults})
            detail = f"{wrong} of {len(operations)} operations cannot be done, so none is; see `errors`."
            raise Invalid(detail, errors=tuple(self.faults))
        return done

    async def _one(self, number: int, operation: Operation) -> OperationDone | None:
        at = f"/operations/{number}"
        try:
            async with self.tx.attempt():
                return await self._done(at, operation)
        except Unavailable:
            raise
        except ValidationError as error:
            self.faults += field_errors(error, at=f"{at}/body")
        except QsmoError as error:
            self.faults += _placed(error, at)
        for name in (operation.ref, operation.id):
            if name is not None:
                self.failed.setdefault(name.removeprefix("#"), number)
        return None

    async def _done(self, at: str, operation: Operation) -> OperationDone:
        act = ACTS[operation.op]
        id_ = self._target(at, operation, act)
        given = {name: self._id(f"{at}/body/{name}", v) if name in _REFERRING else v for name, v in operation.body.items()}
        body = act.body.model_validate(given)
        before = None if id_ is None else await act.kind.find(self.tx, id_)
        shown_before = {} if before is None else await act.kind.show(self.tx, before, self.by)
        version = self.versions.get(id_ or "", operation.version or 0)
        saved = await act.run(Call(tx=self.tx, id=id_ or "", body=body, version=version, by=self.by))
        self.versions[saved.id] = saved.version
        if operation.ref is not None:
            self.made[operation.ref] = saved.id
        return OperationDone(
            op=operation.op,
            ref=operation.ref,
            kind=act.kind.name,
            id=saved.id,
            version_before=None if before is None else version,
            version=saved.version,
            changes=_changes(shown_before, await act.kind.show(self.tx, saved, self.by)),
        )

    def _target(self, at: str, operation: Operation, act: Act) -> str | None:
        """Raises Invalid for an id or a version that is missing or does not belong there, and for a name given twice."""
        if operation.ref is not None and (operation.ref in self.made or not act.makes):
            detail = f"{operation.ref!r} names something already." if act.makes else f"{operation.op} makes nothing to name."
            raise Invalid.at(f"{at}/ref", detail, code="not-allowed")
        if act.makes:
            if operation.id is not None:
                raise Invalid.at(f"{at}/id", f"{operation.op} makes something new; leave id out.", code="not-allowed")
            return None
        if operation.id is None:
            raise Invalid.at(f"{at}/id", f"{operation.op} needs the id of what it changes.", code="missing")
        id_ = str(self._id(f"{at}/id", operation.id))
        if id_ not in self.versions and operation.version is None:
            raise Invalid.at(f"{at}/version", "Say which version you read; the set has not made it.", code="missing")
        return id_

    def _id(self, pointer: str, given: Any) -> Any:
        """Raises Invalid for a name that nothing before it has."""
        if isinstance(given, str) and (given in self.failed or given.removeprefix("#") in self.failed):
            number = self.failed[given.removeprefix("#")]
            raise Invalid.at(pointer, f"It rests on operation {number}, which cannot be done.", code="rests-on-failed")
        if not isinstance(given, str) or not given.startswith("#"):
            return given
        if (made := self.made.get(given[1:])) is None:
            raise Invalid.at(pointer, f"No operation before this one makes {given[1:]!r}.", code="unknown-reference")
        return made


def _placed(error: QsmoError, at: str) -> list[FieldError]:
    """The faults of a refusal, at their places in the set."""
    if error.errors:
        return [FieldError(pointer=_place(each.pointer, at), code=each.code, detail=each.detail) for each in error.errors]
    return [FieldError(pointer=at, code=error.code or type(error).__name__.lower(), detail=error.detail)]


def _place(pointer: str, at: str) -> str:
    return pointer if pointer.startswith(at) else f"{at}/body{pointer}"


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[MemberChange]:
    """Of representations, member by member."""
    return [
        MemberChange(member=name, before=before.get(name), after=value)
        for name, value in after.items()
        if name not in {"id", "version", "_actions"} and before.get(name) != value
    ]
