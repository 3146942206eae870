"""Facts as sentences for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from services.gateway.queries import Names

Data = Mapping[str, Any]
_PHASES = {"went_live": "is in operations with", "started": "began to adopt", "advanced": "moved on with"}


def sentence(type_name: str, data: Data, names: Names) -> str:
    """One sentence; for a type without one of its own, what the type's name says."""
    parts = type_name.split(".")
    service, aggregate, verb = parts[1:4] if len(parts) >= 4 else ("", type_name, "")
    say = _SAYINGS.get(f"{service}.{aggregate}")
    if say is not None:
        return say(verb, data, names)
    return f"{_words(aggregate).capitalize()} {_words(verb)}."


def _words(text: str) -> str:
    return text.replace("_", " ").replace("-", " ")


def _day(text: str | None) -> str:
    return f"{date.fromisoformat(text):%-d %B %Y}" if text else "a day not given"


def _policy(verb: str, data: Data, _: Names) -> str:
    return f"Policy {data['title']} by {data['issuer']} was {_words(verb)}."


def _focus_area(verb: str, data: Data, _: Names) -> str:
    count = len(data.get("services", ()))
    return f"The focus area {data['title']} was {_words(verb)}, with {count} service{'' if count == 1 else 's'}."


def _organization(verb: str, data: Data, _: Names) -> str:
    return f"{data['name']} was {_words(verb)} as {'an' if data['kind'][:1] in 'aeiou' else 'a'} {_words(data['kind'])}."


def _match_review(verb: str, data: Data, _: Names) -> str:
    return {
        "opened": f"“{data['name']}” matches no known organization for certain and waits for a review.",
        "resolved": f"“{data['name']}” is now known to be an organization of the registry.",
        "dismissed": f"“{data['name']}” was set aside: {data.get('reason') or 'no organization'}.",
    }.get(verb, f"The review of “{data['name']}” was {_words(verb)}.")


def _designation(verb: str, data: Data, names: Names) -> str:
    area, slug = data["focus_area"], data["service"]
    service = f"{names.services.get((area, slug), _words(slug))} ({names.areas.get(area, _words(area))})"
    lead = names.organizations.get(data.get("organization_id") or "", "An office not yet named")
    since = f", effective {_day(data.get('effective_on'))}"
    return {
        "researched": f"A lead for {service} is being researched{since}.",
        "pre_designated": f"{lead} was pre-designated to lead {service}{since}.",
        "designated": f"{lead} was designated to lead {service}{since}.",
        "transferred": f"{lead} hands over {service}{since}.",
        "suspended": f"The designation of {lead} for {service} was suspended{since}.",
        "reinstated": f"{lead} leads {service} again{since}.",
        "revoked": f"The designation of {lead} for {service} ended{since}.",
    }.get(verb, f"The designation of {lead} for {service}: {_words(verb)}{since}.")


def _marketplace(verb: str, data: Data, _: Names) -> str:
    opened = f", as of {_day(data['opened_on'])}" if verb == "opened" and data.get("opened_on") else ""
    return f"The marketplace for {data['title']} was {_words(verb)}{opened}."


def _provider(verb: str, data: Data, _: Names) -> str:
    kind = "a federal" if data["kind"] == "federal" else f"a {_words(data['kind'])}"
    return f"{data['name']} was {_words(verb)} as {kind} provider."


def _offering(verb: str, data: Data, _: Names) -> str:
    by = f" by {data['provider_name']}" if data.get("provider_name") else ""
    what = f"{data['name']}{by}"
    source = " from the FedRAMP marketplace" if data.get("source") == "fedramp" else ""
    return {
        "listed": f"{what} was listed{source}.",
        "revised": f"{what} was revised; this is revision {data['revision']}.",
        "authorization_changed": f"The authorization of {what} changed.",
        "changes_requested": f"Changes to {what} were requested.",
    }.get(verb, f"{what} was {_words(verb)}.")


def _adoption(verb: str, data: Data, names: Names) -> str:
    agency = data.get("agency_name") or names.organizations.get(data["agency_id"], "An agency")
    offering = names.offerings.get(data.get("offering_id", "")) or data["offering_code"]
    if verb == "authorization_recorded":
        return f"{agency} renewed its authorization of {offering}."
    if verb in _PHASES:
        phase = f", now in {_words(data['phase'])}" if verb == "advanced" else ""
        return f"{agency} {_PHASES[verb]} {offering}{phase}."
    return f"The adoption of {offering} by {agency} was {_words(verb)}."


def _agency(data: Data, names: Names) -> str:
    return names.organizations.get(data["agency_id"], "An agency")


def _savings(_: str, data: Data, names: Names) -> str:
    what = f"${abs(data['cents']) / 100:,.2f}" + (f" and {abs(data['hours']):,} hours" if data["hours"] else "")
    entered = "reversed" if data.get("reverses") else "entered"
    return f"{_agency(data, names)} {entered} {what} as {_words(data['kind'])} of fiscal year {data['fiscal_year']}."


def _system(verb: str, data: Data, names: Names) -> str:
    did = {
        "registered": f"listed its system {data['name']}",
        "changed": f"changed what is on record of its system {data['name']}",
        "decommission_planned": f"plans to decommission {data['name']} on {_day(data.get('planned_on'))}",
        "decommissioned": f"decommissioned {data['name']} on {_day(data.get('decommissioned_on'))}",
    }.get(verb, f"has news of its system {data['name']}: {_words(verb)}")
    return f"{_agency(data, names)} {did}."


_SAYINGS: dict[str, Callable[[str, Data, Names], str]] = {
    "registry.policy": _policy,
    "registry.focus_area": _focus_area,
    "registry.organization": _organization,
    "registry.match_review": _match_review,
    "registry.designation": _designation,
    "catalog.marketplace": _marketplace,
    "catalog.provider": _provider,
    "catalog.offering": _offering,
    "adoption.adoption": _adoption,
    "adoption.savings": _savings,
    "adoption.system": _system,
}
