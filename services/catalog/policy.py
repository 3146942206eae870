"""Who may do what in the catalog: the roles of each action within their areas, and who sees what is not public."""

from __future__ import annotations

from services.catalog.domain.content import Content
from services.catalog.domain.mapping import MACHINE as MAPPING_MACHINE
from services.catalog.domain.offering import MACHINE, Offering
from services.catalog.domain.standard import MACHINE as STANDARD_MACHINE
from services.catalog.domain.standard import Standard
from services.catalog.domain.vehicle import MACHINE as VEHICLE_MACHINE
from shared.auth import Principal
from shared.contracts.fact import Visibility
from shared.kernel.errors import Forbidden, NotFound

GOVERNMENT_WIDE = ("omb", "coordinator", "auditor")

# Writes that no state machine names. Source: domain-model §1.
ROLES = {
    "register provider": ("coordinator", "qsmo"),
    "change provider": ("coordinator", "qsmo"),
}

# What enters, changes or leaves a marketplace is decided by the QSMO of every area concerned; for the rest, one is enough.
_EVERY_AREA = frozenset({"publish", "revise", "reinstate", "retire"})


def require_for(by: Principal, action: str) -> None:
    """Raises Forbidden naming the roles that may, for the actions of ROLES."""
    if not by.has_any(ROLES[action]):
        raise Forbidden(f"To {action} needs one of the roles: {', '.join(ROLES[action])}.")


def may(by: Principal, action: str, areas: tuple[str, ...], provider_id: str | None) -> bool:
    """Whether a role of the caller, in its scope, allows the action on an offering of these areas and this provider."""
    return bool(by.roles) and any(_allows(by, role, action, areas, provider_id) for role in MACHINE.roles_for(action))


def _allows(by: Principal, role: str, action: str, areas: tuple[str, ...], provider_id: str | None) -> bool:
    match role:
        case "provider":
            return provider_id is not None and by.has("provider", scope=provider_id)
        case "qsmo":
            led = [by.has("qsmo", scope=area) for area in areas]
            return bool(led) and (all(led) if action in _EVERY_AREA else any(led))
        case _:
            return by.has(role)


def require(by: Principal, action: str, content: Content, *, areas: tuple[str, ...] | None = None) -> None:
    """Raises Forbidden naming the roles that may; `areas` instead of the content's own."""
    named = content.focus_areas if areas is None else areas
    if may(by, action, named, content.provider_id):
        return
    concerned = ", ".join(named) or "no area"
    scope = "every one" if action in _EVERY_AREA else "one"
    roles = ", ".join(
        {"qsmo": f"qsmo of {scope} of: {concerned}", "provider": "its provider"}.get(role, role)
        for role in MACHINE.roles_for(action)
    )
    raise Forbidden(f"To {action} this offering needs: {roles}.")


def may_see(by: Principal, offering: Offering) -> bool:
    """Public once published or listed; else for its areas' QSMOs, its provider and the government-wide roles."""
    if offering.is_public:
        return True
    content = offering.content
    if content.provider_id is not None and by.has("provider", scope=content.provider_id):
        return True
    areas = content.focus_areas or (None,)
    return any(by.may_see(Visibility.RESTRICTED, focus_area=area, agency_codes=frozenset()) for area in areas)


def require_sight(by: Principal, offering: Offering) -> Offering:
    """Raises NotFound as for an offering that does not exist."""
    if not may_see(by, offering):
        raise NotFound(f"There is no offering {offering.id!r}.")
    return offering


def may_for_standard(by: Principal, action: str, standard: Standard) -> bool:
    """`standards` counts for the area of the standard only."""
    area = standard.focus_area
    return any(
        by.has(role, scope=area) if role == "standards" else by.has(role)
        for role in STANDARD_MACHINE.roles_for(action)
        if role != "standards" or area is not None
    )


def require_for_standard(by: Principal, action: str, standard: Standard) -> None:
    """Raises Forbidden naming the roles that may."""
    if not may_for_standard(by, action, standard):
        area = standard.focus_area or "its area, and it has none"
        roles = ", ".join(f"standards of {area}" if r == "standards" else r for r in STANDARD_MACHINE.roles_for(action))
        raise Forbidden(f"To {action} this standard needs one of: {roles}.")


def may_for_mapping(by: Principal, action: str, areas: tuple[str, ...]) -> bool:
    """Of the QSMOs, those of every area concerned; where none is, any."""
    for role in MAPPING_MACHINE.roles_for(action):
        led = [by.has("qsmo", scope=area) for area in areas] if role == "qsmo" else []
        if all(led) if led else by.has(role):
            return True
    return False


def require_for_mapping(by: Principal, action: str, areas: tuple[str, ...]) -> None:
    """Raises Forbidden naming the roles that may."""
    if not may_for_mapping(by, action, areas):
        qsmo = f"qsmo of every one of: {', '.join(areas)}" if areas else "qsmo"
        raise Forbidden(f"To {action} this mapping needs: {qsmo}, or coordinator.")


def may_for_vehicle(by: Principal, action: str, *, agency: frozenset[str] = frozenset()) -> bool:
    """`agency` counts for its own orders only: its ids and codes and of those above it."""
    return any(
        bool(agency & set(by.scopes("agency"))) if role == "agency" else by.has(role)
        for role in VEHICLE_MACHINE.roles_for(action)
    )


def require_for_vehicle(by: Principal, action: str, *, agency: frozenset[str] = frozenset()) -> None:
    """Raises Forbidden naming the roles that may."""
    if not may_for_vehicle(by, action, agency=agency):
        raise Forbidden(
            f"To {action} a vehicle needs one of: {', '.join(VEHICLE_MACHINE.roles_for(action))} (agency: its own)."
        )


def sees_federal_fields(by: Principal) -> bool:
    """Whether values of `content.FEDERAL_FIELDS` are shown."""
    return by.may_see(Visibility.FEDERAL, focus_area=None, agency_codes=frozenset())
