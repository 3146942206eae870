"""One product of the FedRAMP marketplace file → content and provider; contacts and unknown fields are not read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.catalog.domain.content import Authorization, Content, Kind
from services.catalog.domain.provider import key_of
from services.catalog.importers import fedramp_terms as terms
from services.catalog.importers import fedramp_text as text
from shared.kernel.errors import Invalid

# What the register has a word on; all else of an offering is nothing to it.
FIELDS = (
    "name",
    "kind",
    "focus_areas",
    "summary",
    "description",
    "provider_id",
    "authorization",
    "website",
    "business_functions",
    "standards",
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_UEI = re.compile(r"[A-Z0-9]{12}")
_NAME_MAX_CHARS = 300
_WORD_MAX_CHARS = 40
_DESCRIPTION_MAX_CHARS = 20_000
_LIST_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """`content` still lacks its provider, and the areas and standards that its functions are mapped to."""

    code: str
    content: Content
    provider_key: str
    provider_name: str
    uei: str | None
    small_business: bool | None


def read_product(data: Mapping[str, Any]) -> Product:
    """Raises Invalid with the pointer of what is absent or of the wrong type."""
    code = code_of(data)
    name = _name(data, ("cso", "service_offering"))
    provider_name = _name(data, ("csp", "name"))
    description = text.paragraphs(_text(data, "service_desc"))[:_DESCRIPTION_MAX_CHARS]
    functions = tuple(function for function in map(text.line, _texts(data, "business_function")) if function)
    uei = text.line(_text(data, "uei")).upper()
    content = Content(
        name=name,
        kind=Kind.COMMERCIAL_PRODUCT,
        summary=text.summary_of(description),
        description=description,
        authorization=_authorization(data, code),
        website=text.url(_text(data, "website")),
        business_functions=tuple(dict.fromkeys(functions)),
    )
    return Product(
        code=code,
        content=content,
        provider_key=key_of(provider_name) or provider_name.casefold(),
        provider_name=provider_name,
        uei=uei if _UEI.fullmatch(uei) else None,
        small_business=terms.SMALL_BUSINESS.get(text.line(_text(data, "small_business")).casefold()),
    )


def code_of(data: Mapping[str, Any]) -> str:
    """The FedRAMP id. Raises Invalid when it is absent or no identifier."""
    found = text.line(_text(data, "id"))
    if not found:
        raise Invalid.at("/id", "The product has no id.", code="missing")
    if not _ID.fullmatch(found):
        raise Invalid.at("/id", f"{found[:80]!r} is no identifier.")
    return found


def _authorization(data: Mapping[str, Any], code: str) -> Authorization:
    status = _word(data, "status").removeprefix("fedramp_")
    if not status:
        raise Invalid.at("/status", "The product has no status.", code="missing")
    models = (_bounded(text.word(model), "/service_model") for model in _texts(data, "service_model"))
    return Authorization(
        fedramp_id=code,
        status=status,
        kind=_word(data, "auth_type") or None,
        impact_level=_word(data, "impact_level") or None,
        service_models=tuple(dict.fromkeys(model for model in models if model)),
        deployment_model=_word(data, "deployment_model") or None,
        ready_on=text.day(_text(data, "ready_date")),
        in_process_on=_earliest(data, terms.IN_PROCESS_DATES),
        authorized_on=text.day(_text(data, "auth_date")),
        annual_assessment=text.month_day(_text(data, "annual_assessment")),
        partnering_agency=text.line(_text(data, "partnering_agency"))[:_NAME_MAX_CHARS] or None,
        assessor=text.line(_text(data, "independent_assessor"))[:_NAME_MAX_CHARS] or None,
    )


def _earliest(data: Mapping[str, Any], names: tuple[str, ...]) -> date | None:
    return min((found for name in names if (found := text.day(_text(data, name)))), default=None)


def _name(data: Mapping[str, Any], fields: tuple[str, ...]) -> str:
    for field in fields:
        if found := text.line(_text(data, field)):
            if len(found) > _NAME_MAX_CHARS:
                raise Invalid.at(f"/{field}", f"The name is longer than {_NAME_MAX_CHARS} characters.", code="too-long")
            return found
    raise Invalid.at(f"/{fields[0]}", f"The product has no name: {' and '.join(fields)} are empty.", code="missing")


def _word(data: Mapping[str, Any], field: str) -> str:
    return _bounded(text.word(_text(data, field)), f"/{field}")


def _bounded(found: str, pointer: str) -> str:
    if len(found) > _WORD_MAX_CHARS:
        raise Invalid.at(pointer, f"Longer than {_WORD_MAX_CHARS} characters.", code="too-long")
    return found


def _text(data: Mapping[str, Any], field: str) -> str:
    """Empty for what is absent or null; numbers are the spreadsheet's doing and say nothing."""
    found = data.get(field)
    if isinstance(found, str):
        return found
    if found is None or (isinstance(found, int | float) and not isinstance(found, bool)):
        return ""
    raise Invalid.at(f"/{field}", f"Expected text, found {type(found).__name__}.", code="wrong-type")


def _texts(data: Mapping[str, Any], field: str) -> list[str]:
    found = data.get(field)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise Invalid.at(f"/{field}", "Expected a list of texts.", code="wrong-type")
    if len(found) > _LIST_MAX:
        raise Invalid.at(f"/{field}", f"More than {_LIST_MAX} items.", code="too-long")
    return found
