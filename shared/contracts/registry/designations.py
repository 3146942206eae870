"""Designations."""

from __future__ import annotations

from datetime import date, datetime

from shared.contracts.fact import Fact


class DesignationFact(Fact):
    """A designation as it is after the change; effective dates are legal, `recorded_at` is ours."""

    designation_id: str
    focus_area: str
    service: str
    organization_id: str | None = None
    status: str
    effective_on: date
    recorded_at: datetime
    policy: str | None = None
    clause: str | None = None
    reason: str | None = None
    source: str | None = None


class DesignationResearched(DesignationFact, type="registry.designation.researched"):
    pass


class DesignationPreDesignated(DesignationFact, type="registry.designation.pre_designated"):
    """`predecessor_id` when it came by transfer."""

    predecessor_id: str | None = None


class DesignationDesignated(DesignationFact, type="registry.designation.designated"):
    pass


class DesignationTransferred(DesignationFact, type="registry.designation.transferred"):
    """This one ended; `successor_id` goes on, pre-designated."""

    successor_id: str


class DesignationSuspended(DesignationFact, type="registry.designation.suspended"):
    pass


class DesignationReinstated(DesignationFact, type="registry.designation.reinstated"):
    pass


class DesignationRevoked(DesignationFact, type="registry.designation.revoked"):
    pass
