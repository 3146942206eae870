"""Products of the FedRAMP marketplace → listed offerings and their providers, hundreds in a few statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from services.catalog import facts, store
from services.catalog.commands.mappings import notice_functions
from services.catalog.commands.offerings import revision_fact
from services.catalog.commands.providers import organizations_named
from services.catalog.domain import offering as domain
from services.catalog.domain.content import Content
from services.catalog.domain.mapping import Target, said_of
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.origin import Origin
from services.catalog.domain.provider import Kind, Provider
from services.catalog.importers.fedramp_product import FIELDS, Product, read_product
from services.catalog.store import mappings
from shared.contracts import catalog as contracts
from shared.db import Transaction
from shared.imports.files import ndjson_rows
from shared.imports.rows import ImportRow, Outcome, Result
from shared.kernel.errors import Invalid, RuleViolation
from shared.kernel.ids import new_id

SOURCE = "fedramp"
SECTION = "products"
# Set on a row whose id stood in the file before: the number of that row. No product has a field of this name.
REPEATS = "$repeats"


def read(path: Path) -> Iterator[ImportRow]:
    """Lines of `{"section": "products", "number": …, "data": <Product>}`; a repeated id is marked. Raises Invalid."""
    first: dict[str, int] = {}
    for row in ndjson_rows(path):
        found = row.data.get("id")
        earlier = first.setdefault(found.strip(), row.number) if isinstance(found, str) else row.number
        repeats = earlier != row.number
        yield ImportRow(section=row.section, number=row.number, data={**row.data, REPEATS: earlier}) if repeats else row


async def apply(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """One outcome per row, in order."""
    products = [_read(row) for row in rows]
    readable = [product for product in products if isinstance(product, Product)]
    found = await store.offerings.find_by(tx, "code", list({product.code for product in readable}))
    origin = Origin(source=SOURCE, by=tx.cause.actor, at=tx.at)
    await notice_functions(tx, {function for product in readable for function in product.content.business_functions})
    effects = await mappings.effects(tx)
    taken = _Taken(found, await _Providers.of(tx, readable, found), origin=origin, effects=effects)
    outcomes = [
        product if isinstance(product, Outcome) else taken.take(product, earlier=row.data.get(REPEATS))
        for row, product in zip(rows, products, strict=True)
    ]
    await taken.write(tx)
    return outcomes


def _read(row: ImportRow) -> Product | Outcome:
    if row.section != SECTION:
        return Outcome(Result.REFUSED, f"The catalog imports {SECTION}, not {row.section}.", "/section")
    try:
        return read_product(row.data)
    except Invalid as error:
        return Outcome(Result.REFUSED, error.detail, error.errors[0].pointer)


class _Providers:
    """The providers of a chunk: found by name, registered when new, completed where something was unknown."""

    def __init__(self, known: Sequence[Provider], organizations: dict[str, str]) -> None:
        self._by_key = {provider.key: provider for provider in known}
        self._by_id = {provider.id: provider for provider in known}
        self._organizations = organizations
        self._begun: dict[str, Provider] = {}
        self._changed: dict[str, Provider] = {}

    @classmethod
    async def of(cls, tx: Transaction, products: Sequence[Product], offerings: Sequence[Offering]) -> _Providers:
        """Those that the products name, and those that a QSMO chose for the offerings."""
        keys = list({product.provider_key for product in products})
        known = await store.providers.find_by(tx, "key", keys)
        ids = {each.content.provider_id for each in offerings if each.curated and each.content.provider_id}
        chosen = await store.providers.find_by(tx, "id", sorted(ids - {provider.id for provider in known}))
        organizations = await organizations_named(tx, list(set(keys) - {provider.key for provider in known}))
        return cls([*known, *chosen], organizations)

    def of_product(self, product: Product) -> Provider:
        """As it would be with what the product says; `keep` makes it so."""
        current = self._by_key.get(product.provider_key)
        return self._registered(product) if current is None else self._completed(current, product)

    def keep(self, provider: Provider) -> bool:
        """Whether that changed anything."""
        if self._by_key.get(provider.key) is provider:
            return False
        is_new = provider.version == 0
        (self._begun if is_new else self._changed)[provider.id] = provider
        self._by_key[provider.key] = self._by_id[provider.id] = provider
        return True

    def _registered(self, product: Product) -> Provider:
        organization_id = self._organizations.get(product.provider_key)
        return Provider(
            id=new_id(),
            version=0,
            key=product.provider_key,
            name=product.provider_name,
            kind=Kind.FEDERAL if organization_id else Kind.COMMERCIAL,
            organization_id=organization_id,
            uei=product.uei,
            small_business=product.small_business,
        )

    @staticmethod
    def _completed(current: Provider, product: Product) -> Provider:
        """The register contradicts itself on small business from product to product: the first word stands."""
        uei = current.uei or product.uei
        small = current.small_business if current.small_business is not None else product.small_business
        if uei == current.uei and small == current.small_business:
            return current
        return replace(current, uei=uei, small_business=small)

    def name_of(self, id: str | None) -> str | None:
        found = self._by_id.get(id or "")
        return found.name if found else None

    async def write(self, tx: Transaction) -> None:
        registered = [(p, facts.provider(contracts.ProviderRegistered, p)) for p in self._begun.values()]
        changed = [(p, facts.provider(contracts.ProviderChanged, p)) for p in self._changed.values()]
        await store.providers.add_all(tx, registered)
        await store.providers.save_all(tx, changed)


def _said(content: Content) -> dict[str, object]:
    return {name: getattr(content, name) for name in FIELDS}


class _Taken:
    """What a chunk has found, listed and changed so far; written at its end."""

    def __init__(
        self, found: Sequence[Offering], providers: _Providers, *, origin: Origin, effects: Mapping[str, Target]
    ) -> None:
        self._by_code = {offering.code: offering for offering in found}
        self._before = dict(self._by_code)
        self._providers = providers
        self._origin = origin
        self._effects = effects
        self._seen: set[str] = set()

    def take(self, product: Product, *, earlier: int | None) -> Outcome:
        repeated = earlier is not None or product.code in self._seen
        self._seen.add(product.code)
        current = self._by_code.get(product.code)
        if current is not None and current.status is Status.RETIRED:
            return Outcome(Result.DUPLICATE if repeated else Result.UNCHANGED, "The offering is retired.")
        provider = self._providers.of_product(product)
        mapped = said_of(product.content.business_functions, self._effects)
        content = replace(
            product.content,
            provider_id=provider.id,
            focus_areas=mapped["focus_areas"],
            standards=mapped["standards"],
        )
        if current is None:
            self._providers.keep(provider)
            self._by_code[product.code] = domain.listed(id=new_id(), code=product.code, content=content, origin=self._origin)
            return Outcome(Result.CREATED)
        try:
            said = _said(content)
            renewed = domain.renew(current, said, origin=self._origin)
        except RuleViolation as error:
            return Outcome(Result.REFUSED, error.detail, "/id")
        if repeated and renewed is not current:
            row = f"row {earlier}" if earlier is not None else "an earlier row"
            return Outcome(Result.REFUSED, f"The id stands in {row} of this file with other content.", "/id")
        if repeated:
            return Outcome(Result.DUPLICATE)
        completed = self._providers.keep(provider)
        self._by_code[product.code] = renewed
        result = Result.UNCHANGED if renewed is current and not completed else Result.UPDATED
        return Outcome(result, left=domain.left(current, said))

    async def write(self, tx: Transaction) -> None:
        await self._providers.write(tx)
        listed = [each for code, each in self._by_code.items() if code not in self._before]
        changed = [(before, self._by_code[code]) for code, before in self._before.items()]
        await store.offerings.add_all(tx, [(o, self._fact(contracts.OfferingListed, o)) for o in listed])
        renewed = [
            (after, self._fact(revision_fact(before.content, after.content), after))
            for before, after in changed
            if after is not before
        ]
        await store.offerings.save_all(tx, renewed)

    def _fact(self, kind: type[contracts.OfferingFact], offering: Offering) -> contracts.OfferingFact:
        return facts.offering(kind, offering, provider_name=self._providers.name_of(offering.content.provider_id))
