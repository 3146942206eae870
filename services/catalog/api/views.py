"""Domain → representation, with what this caller may do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from services.catalog import schemas
from services.catalog.api import search_models
from services.catalog.domain.content import FEDERAL_FIELDS, MATERIAL, Authorization, Content, changed_fields
from services.catalog.domain.marketplace import Designation
from services.catalog.domain.offering import MACHINE, Offering, Status, held, missing_to_publish
from services.catalog.domain.price import Price
from services.catalog.domain.provider import Provider
from services.catalog.policy import ROLES, may, sees_federal_fields
from services.catalog.queries import MarketplaceView, OfferingView
from services.catalog.schemas import content as parts
from services.catalog.store import Revision
from shared.auth import Principal
from shared.web.wire import Action, MoneyShown

# Begins or renews an offering; none of them is done to the one that is shown.
_NOT_SHOWN = frozenset({"draft", "list", "renew"})
_ALLOWED = 4_096
_JSON: TypeAdapter[Any] = TypeAdapter(Any)


def marketplace(view: MarketplaceView) -> schemas.MarketplaceShown:
    found = view.marketplace
    return schemas.MarketplaceShown(
        id=found.id,
        version=found.version,
        title=view.area.title,
        status=found.status,
        opens_on=view.area.opens_on,
        opened_on=found.opened_on,
        services=[_standing(designation, view) for designation in view.designations if designation.status != "ended"],
    )


def _standing(designation: Designation, view: MarketplaceView) -> schemas.ServiceStanding:
    return schemas.ServiceStanding(
        service=designation.service,
        title=view.area.services.get(designation.service, designation.service),
        designation_id=designation.id,
        status=designation.status,
        organization_id=designation.organization_id,
        organization_name=view.organizations.get(designation.organization_id or ""),
        effective_on=designation.effective_on,
    )


def provider(found: Provider, *, by: Principal) -> schemas.ProviderShown:
    may_change = by.has_any(ROLES["change provider"])
    return schemas.ProviderShown(
        id=found.id,
        version=found.version,
        name=found.name,
        kind=found.kind,
        organization_id=found.organization_id,
        uei=found.uei,
        small_business=found.small_business,
        actions=[Action(action="change", href=f"/v1/providers/{found.id}", possible=True)] if may_change else [],
    )


def offering_in_list(view: OfferingView, *, by: Principal) -> schemas.OfferingInList:
    found, content = view.offering, view.offering.content
    return schemas.OfferingInList(
        id=found.id,
        version=found.version,
        code=found.code,
        name=content.name,
        kind=content.kind,
        status=found.status,
        revision=found.revision,
        focus_areas=list(content.focus_areas),
        services=list(content.services),
        shelf=content.shelf,
        summary=content.summary,
        provider=_provider_named(view.provider),
        authorization=_authorization(content.authorization),
        is_free=content.is_free,
        vehicles=list(content.vehicles),
        website=content.website,
        source=found.source,
        actions=_actions(view, by=by),
    )


def offering(view: OfferingView, *, by: Principal) -> schemas.OfferingShown:
    found = view.offering
    return schemas.OfferingShown(
        id=found.id,
        version=found.version,
        code=found.code,
        status=found.status,
        revision=found.revision,
        provider=_provider_named(view.provider),
        source=found.source,
        reason=found.reason,
        successor_id=found.successor_id,
        origins=_origins(found, by=by),
        actions=_actions(view, by=by),
        **_content(found.content, by=by),
    )


def _origins(found: Offering, *, by: Principal) -> dict[str, schemas.OriginShown]:
    unseen = () if sees_federal_fields(by) else FEDERAL_FIELDS
    kept = held(found)
    return {
        name: schemas.OriginShown(source=origin.source, by=origin.by, at=origin.at, held=name in kept)
        for name, origin in found.origins.items()
        if name not in unseen
    }


def _provider_named(found: Provider | None) -> schemas.ProviderNamed | None:
    return schemas.ProviderNamed(id=found.id, name=found.name, kind=found.kind) if found else None


def _content(content: Content, *, by: Principal) -> dict[str, Any]:
    return {
        "name": content.name,
        "kind": content.kind,
        "focus_areas": list(content.focus_areas),
        "services": list(content.services),
        "shelf": content.shelf,
        "summary": content.summary,
        "description": content.description,
        "provider_id": content.provider_id,
        "fibf_coverage": [parts.CoverageShown(**asdict(covered)) for covered in content.fibf_coverage],
        "authorization": _authorization(content.authorization),
        "pricing": content.pricing,
        "vehicles": list(content.vehicles),
        "is_free": content.is_free,
        "lineage": content.lineage,
        "website": content.website,
        "business_functions": list(content.business_functions),
        "standards": list(content.standards),
        **_more_content(content),
        **({name: getattr(content, name) for name in FEDERAL_FIELDS} if sees_federal_fields(by) else {}),
    }


def _more_content(content: Content) -> dict[str, Any]:
    return {
        "price": _price(content.price) if content.price else None,
        "suits": [parts.SuitsShown(**asdict(each)) for each in content.suits],
        "in_production": content.in_production,
        "onboarding_days": content.onboarding_days,
        "hosting": content.hosting,
        "interfaces": list(content.interfaces),
        "transactions_per_year": content.transactions_per_year,
        "promises": [parts.PromiseShown(**asdict(each)) for each in content.promises],
        "lessons": list(content.lessons),
        "depends_on": list(content.depends_on),
        "bundle": list(content.bundle),
        "migrates_to": content.migrates_to,
        "guide": parts.GuideShown.model_validate(asdict(content.guide)) if content.guide else None,
    }


def _price(price: Price) -> parts.PriceShown:
    return parts.PriceShown(
        model=price.model,
        unit=price.unit,
        tiers=[parts.TierShown(up_to=t.up_to, amount=MoneyShown(amount=t.amount), per=t.per) for t in price.tiers],
        setup=MoneyShown(amount=price.setup),
        included=list(price.included),
    )


def _authorization(found: Authorization | None) -> parts.AuthorizationShown | None:
    if found is None:
        return None
    return parts.AuthorizationShown(
        fedramp_id=found.fedramp_id,
        status=found.status,
        kind=found.kind,
        impact_level=found.impact_level,
        service_models=list(found.service_models),
        deployment_model=found.deployment_model,
        ready_on=found.ready_on,
        in_process_on=found.in_process_on,
        authorized_on=found.authorized_on,
        expires_on=found.expires_on,
        annual_assessment=found.annual_assessment,
        partnering_agency=found.partnering_agency,
        assessor=found.assessor,
    )


def revision(found: Revision, *, by: Principal) -> schemas.RevisionShown:
    return schemas.RevisionShown(
        offering_id=found.offering_id,
        n=found.n,
        recorded_at=found.recorded_at,
        by=found.by,
        content=schemas.ContentShown(**_content(found.content, by=by)),
    )


def diff(old: Revision, new: Revision, *, by: Principal) -> schemas.RevisionDiff:
    before, after = _content(old.content, by=by), _content(new.content, by=by)
    changes = [
        schemas.FieldChange(
            field=name,
            old=_JSON.dump_python(before[name], mode="json"),
            new=_JSON.dump_python(after[name], mode="json"),
            material=MATERIAL.get(name),
        )
        for name in changed_fields(old.content, new.content)
        if name in before
    ]
    return schemas.RevisionDiff(offering_id=old.offering_id, from_=old.n, to=new.n, changes=changes)


def _actions(view: OfferingView, *, by: Principal) -> list[Action]:
    """What the caller's roles allow here: possible now, or what is missing."""
    if view.is_past:
        return []
    found, content = view.offering, view.offering.content
    shown = []
    for action, needed_state in _allowed(by, found.status, content.focus_areas, content.provider_id):
        missing = [needed_state] if needed_state else _missing(action, view, by=by)
        shown.append(Action(action=action, href=_href(found, action), possible=not missing, missing=missing))
    return shown


@lru_cache(maxsize=_ALLOWED)
def _allowed(
    by: Principal, status: Status, areas: tuple[str, ...], provider_id: str | None
) -> tuple[tuple[str, str | None], ...]:
    """The actions that the caller's roles allow, each with the state it needs if it is not in it. Of most items the same."""
    actions = dict.fromkeys(step.action for step in MACHINE.transitions if step.action not in _NOT_SHOWN)
    now = MACHINE.allowed(status)
    # Any QSMO may make a listed offering its own: it then decides on the areas.
    own = {"revise": by.scopes("qsmo")} if status is Status.LISTED else {}
    allowed = [action for action in actions if may(by, action, own.get(action, areas), provider_id)]
    return tuple((action, None if action in now else _other_state(action, status)) for action in allowed)


def _other_state(action: str, status: Status) -> str:
    states = [str(source) for step in MACHINE.transitions if step.action == action for source in step.sources if source]
    return f"state {' or '.join(states)} (it is {status})"


def _href(found: Offering, action: str) -> str:
    own = f"/v1/offerings/{found.id}"
    return own if action in {"edit", "revise"} else f"{own}/{action}"


def _missing(action: str, view: OfferingView, *, by: Principal) -> list[str]:
    found = view.offering
    if action not in {"publish", "reinstate"}:
        return []
    missing = list(missing_to_publish(found.content, view.around))
    if found.status is Status.IN_REVIEW and found.submitted_by == by.subject:
        missing.append("another person than the one who submitted")
    return missing


_COMPARED = {
    "provider": "Provider",
    "kind": "Kind",
    "status": "Status",
    "shelf": "Shelf",
    "authorization": "Authorization",
    "impact_level": "Impact level",
    "service_models": "Service models",
    "hosting": "Hosting",
    "in_production": "In production",
    "onboarding_days": "Typical onboarding days",
    "transactions_per_year": "Transactions a year",
    "interfaces": "Interfaces",
    "vehicles": "Acquisition vehicles",
    "is_free": "Free",
    "pricing": "Pricing",
}


def comparison(found: Sequence[OfferingView], *, by: Principal) -> search_models.Comparison:
    """Fields and FIBF ids as rows, offerings as columns."""
    said = [_compared(view) for view in found]
    federal = FEDERAL_FIELDS if sees_federal_fields(by) else ()
    labels = {**_COMPARED, **{name: name.replace("_", " ").capitalize() for name in federal}}
    covered = [{c.fibf_id: c.coverage.value for c in view.offering.content.fibf_coverage} for view in found]
    ids = sorted({id_ for each in covered for id_ in each})
    return search_models.Comparison(
        offerings=[
            search_models.Compared(
                id=v.offering.id, code=v.offering.code, name=v.offering.content.name, revision=v.offering.revision
            )
            for v in found
        ],
        fields=[
            search_models.ComparedRow(key=name, label=label, values=[each.get(name) for each in said])
            for name, label in labels.items()
        ],
        coverage=[search_models.ComparedRow(key=id_, label=id_, values=[each.get(id_) for each in covered]) for id_ in ids],
    )


def _compared(view: OfferingView) -> dict[str, Any]:
    content, authorization = view.offering.content, view.offering.content.authorization
    own = {name: getattr(content, name) for name in (*_COMPARED, *FEDERAL_FIELDS) if name in Content.__slots__}
    return {
        **own,
        "interfaces": list(content.interfaces),
        "vehicles": list(content.vehicles),
        "provider": view.provider.name if view.provider else None,
        "status": view.offering.status,
        "authorization": authorization.status if authorization else None,
        "impact_level": authorization.impact_level if authorization else None,
        "service_models": list(authorization.service_models) if authorization else None,
    }
