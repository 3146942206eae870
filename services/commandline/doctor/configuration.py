"""What the environment tells the services of a cluster, and where it lacks something or says two things."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.adoption.config import Settings as AdoptionSettings
from services.catalog.config import Settings as CatalogSettings
from services.commandline.doctor.asking import Finding
from services.gateway.config import Settings as GatewaySettings
from services.registry.config import Settings as RegistrySettings
from shared.service import SERVICES
from shared.settings import ServiceSettings

KINDS: Mapping[str, type[ServiceSettings]] = {
    "registry": RegistrySettings,
    "catalog": CatalogSettings,
    "adoption": AdoptionSettings,
    "gateway": GatewaySettings,
}
_ALIKE = ("issuer", "audience", "jwks_url", "bus_url", "partitions")
_SET_IT = "Set it in the environment, or as a file in QSMO_SECRETS_DIR (docs/operations.md, Settings)."


def read(services: Sequence[str]) -> tuple[dict[str, ServiceSettings], list[Finding]]:
    """The settings of those whose settings can be read, and what there is to say of all."""
    settings: dict[str, ServiceSettings] = {}
    found: list[Finding] = []
    for name in services:
        try:
            settings[name] = KINDS[name]()
        except ValidationError as error:
            found += [_refused(name, str((*each["loc"], "")[0]), each["msg"]) for each in error.errors(include_input=False)]
        except (SettingsError, OSError) as error:
            found.append(Finding(f"settings of {name}", str(error), _SET_IT))
        else:
            found += _missing(name, settings[name]) or [Finding(f"settings of {name}", "complete")]
    return settings, [*found, *_contradictions(settings)]


def _refused(service: str, field: str, why: str) -> Finding:
    """What was given is not repeated: it may be secret."""
    variable = f"QSMO_{service.upper()}_{field.upper()}" if field else ""
    return Finding(f"settings of {service}", f"{variable} {why}".strip(), _SET_IT)


def _missing(service: str, settings: ServiceSettings) -> list[Finding]:
    needed = [*(("bus_url",) if settings.works else ()), *(("issuer", "jwks_url") if settings.answers else ())]
    if service == "gateway" and settings.answers:
        needed += [f"{name}_url" for name in SERVICES]
    return [_refused(service, name, "is not set") for name in needed if not getattr(settings, name)]


def _contradictions(settings: Mapping[str, ServiceSettings]) -> Iterator[Finding]:
    for field in _ALIKE:
        told = _who_says(settings, {name: str(getattr(each, field)) for name, each in settings.items()})
        if len(told) > 1:
            said = "; ".join(f"{', '.join(names)}: {value or 'none'}" for value, names in told.items())
            yield Finding(f"settings: {field.upper()}", said, "Services of one installation need the same value: set it alike.")
    for names in _who_says(settings, {name: each.current("database_url") for name, each in settings.items()}).values():
        if len(names) > 1:
            said = f"{' and '.join(names)} have the same"
            yield Finding("settings: DATABASE_URL", said, "Give each service a database of its own.")


def _who_says(settings: Mapping[str, ServiceSettings], values: Mapping[str, str]) -> dict[str, list[str]]:
    told: defaultdict[str, list[str]] = defaultdict(list)
    for name in settings:
        told[values[name]].append(name)
    return dict(told)
