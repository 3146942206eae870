"""What every published fact is: an immutable, additive-only JSON document with a type name."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

FACTS: dict[str, type[Fact]] = {}


class Visibility(StrEnum):
    """Who may read a fact on the feed."""

    PUBLIC = "public"
    FEDERAL = "federal"
    RESTRICTED = "restricted"


class Fact(BaseModel):
    """Something that happened, named in the past tense; consumers ignore fields they do not know.

    A concrete fact names its type once: `class DesignationRevoked(DesignationFact, type="registry.designation.revoked")`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    TYPE: ClassVar[str] = ""
    focus_area_field: ClassVar[str] = "focus_area"
    agency_field: ClassVar[str] = "agency_id"

    def __init_subclass__(cls, *, type: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if type:
            cls.TYPE = f"qsmo.{type}.v1"
            FACTS[cls.TYPE] = cls

    @property
    def topic(self) -> str:
        return ".".join(self.TYPE.split(".", 2)[:2])

    def visibility_level(self) -> Visibility:
        """Read by the envelope; a fact with tenant data overrides it."""
        return Visibility.PUBLIC

    def to_json(self) -> str:
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        return cls.model_validate_json(data)
