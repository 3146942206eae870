"""Refusals of rules about choosing, buying, accounting and organizing, explained."""

from __future__ import annotations

from collections.abc import Mapping

from services.gateway.problem_type import ProblemType

OF_RULES: Mapping[str, ProblemType] = {
    "contradiction": ProblemType(
        409,
        "Two things said exclude each other",
        "What was sent says one thing and its opposite; `detail` names both.",
        "Leave one of them out.",
    ),
    "delegate-is-holder": ProblemType(
        409,
        "The holder cannot stand in for itself",
        "A post is delegated to another person than the one who holds it.",
        "Name another person, or leave the post as it is.",
    ),
    "kept-out": ProblemType(
        409,
        "This offering is kept out by the agency's own needs",
        "A must, readiness, or the lack of an open vehicle keeps it off a shortlist. `missing` lists what.",
        "Ask what would change it (GET /v1/needs/{id}/fit/{offering_id}), or choose another offering.",
    ),
    "leads-services": ProblemType(
        409,
        "This organization leads services",
        "An organization with live designations cannot end; `missing` or `detail` names them.",
        "Transfer or revoke the designations first.",
    ),
    "no-price": ProblemType(
        409,
        "There is no price to estimate from",
        "The offering states no price, or none that reaches this size.",
        "Ask the provider for one, or ask for a size within its tiers.",
    ),
    "not-live": ProblemType(
        409,
        "The adoption has ended",
        "Only an adoption that is active or on hold goes on with another revision.",
        "Start a new adoption.",
    ),
    "not-orderable": ProblemType(
        409,
        "Nothing can be ordered under this vehicle now",
        "Its period, its ceiling or its eligibility stands in the way. `missing` lists what.",
        "See the other ways to buy (GET /v1/offerings/{id}/how-to-buy), or wait for what is missing.",
    ),
    "not-outdated": ProblemType(
        409,
        "There is no newer revision",
        "The revision that was chosen is the newest of the offering.",
        "Nothing needs to be done.",
    ),
    "not-standing": ProblemType(
        409,
        "This entry does not stand any more",
        "An entry of the ledger is reversed once, and a reversal is not reversed.",
        "Post a new entry instead.",
    ),
    "not-your-post": ProblemType(
        409,
        "Another post signs this",
        "The step is for the holder of a post, or for who acts for it; `detail` names the post.",
        "Ask its holder, or have it delegated to you.",
    ),
    "organization-ended": ProblemType(
        409,
        "The organization has ended",
        "It was merged, split or dissolved on the day that `detail` names.",
        "Name its successor, or a day before its end.",
    ),
    "stands-above": ProblemType(
        409,
        "Organizations stand below this one",
        "An organization ends when nothing stands below it any more. `missing` lists what does.",
        "Move them elsewhere first.",
    ),
    "superseded": ProblemType(
        409,
        "The standard is superseded",
        "It has a successor, and takes no files or changes any more.",
        "Import the file of its successor.",
    ),
}
