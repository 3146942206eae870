"""What each problem type means and what to do about it."""

from __future__ import annotations

from services.gateway.problem_type import ProblemType
from services.gateway.problems_of_rules import OF_RULES

PROBLEMS: dict[str, ProblemType] = {
    **OF_RULES,
    "malformed": ProblemType(
        400,
        "The request cannot be understood",
        "A parameter or the body is not well-formed: a misspelt query parameter, a number out of range, "
        "JSON that does not parse.",
        "Read `detail` and `errors`; each error's `pointer` says where. Correct it and send the request again.",
    ),
    "unauthenticated": ProblemType(
        401,
        "Sign in first",
        "The request needs a bearer token, or the token that came with it is expired, not yet valid, "
        "or not of an accepted issuer.",
        "Send `Authorization: Bearer <token>` with a token of the configured issuer. On a local installation "
        "`qsmo token --role …` prints one.",
    ),
    "forbidden": ProblemType(
        403,
        "You may not do this",
        "You are known, but none of your roles allows this, or nobody may approve what they submitted themselves.",
        "`detail` names the roles that may. Ask someone who holds one of them.",
    ),
    "not-found": ProblemType(
        404,
        "There is no such thing",
        "Nothing is there under this address, or you may not know of it.",
        "Check the id. If the thing is not public, send a token whose roles let you see it.",
    ),
    "method-not-allowed": ProblemType(
        405,
        "This method is not possible here",
        "The address exists, but not for this HTTP method. States change by actions, for example `POST …/designate`.",
        "See the API document for the methods of this address.",
    ),
    "conflict": ProblemType(
        409,
        "The state of things does not allow this",
        "Another change came first, or the thing is in a state in which this is not possible.",
        "Read the thing again; its `_actions` say what is possible now, and what is missing.",
    ),
    "integrity": ProblemType(
        409,
        "It would duplicate something",
        "What you sent has a key that something else has already, or refers to something that was just removed.",
        "Look the existing one up by its key and change it instead.",
    ),
    "id-taken": ProblemType(
        409,
        "Something else has this id",
        "Policies, focus areas, board seats and the like share one space of ids in a service: a fact names its subject by it.",
        "Choose another id.",
    ),
    "still-running": ProblemType(
        409,
        "The same request is still running",
        "An earlier request with the same Idempotency-Key has not been answered yet.",
        "Wait a moment and send it again with the same key: you get the first one's answer.",
    ),
    "rule-violation": ProblemType(
        409,
        "A rule of the regime refuses this",
        "A rule of the policy or of the platform stands in the way. `missing` lists what would lead on.",
        "Do what `missing` lists, then try again.",
    ),
    "transition-not-allowed": ProblemType(
        409,
        "Not possible in this state",
        "The state machine of this thing has no such step from its present state.",
        "`allowed_actions` lists what is possible now; `GET /v1/meta/state-machines` shows every step and its conditions.",
    ),
    "live-designation-exists": ProblemType(
        409,
        "The service has a lead already",
        "An area service has at most one live designation at any effective date.",
        "Transfer or revoke the live designation first.",
    ),
    "effective-dates-overlap": ProblemType(
        409,
        "Effective dates overlap",
        "Another designation of the same service is in force on some of these days.",
        "Choose a date after the other one has ended, or end it earlier.",
    ),
    "effective-date-order": ProblemType(
        409,
        "The effective date is too early",
        "A step cannot take effect before the step that it follows.",
        "Give a date on or after that of the last step; the history of the designation shows it.",
    ),
    "exists": ProblemType(
        409,
        "It is there already",
        "Something with this code or key exists; codes are given once.",
        "Look it up by its key and change it, or choose another code.",
    ),
    "missing": ProblemType(
        409,
        "Something has to be there first",
        "The step needs what has not been given yet. `missing` lists it.",
        "Add what `missing` lists, then try again.",
    ),
    "separation-of-duties": ProblemType(
        409,
        "Somebody else has to do this",
        "Who prepared or submitted something does not decide on it.",
        "Ask another person who holds the role that `detail` names.",
    ),
    "unnecessary": ProblemType(
        409,
        "No plan is needed",
        "A purchase outside the marketplace needs an investment action plan only under the conditions of M-19-16.",
        "Read `detail`: it says which condition is not met. `GET /v1/iap-need` answers for other purchases.",
    ),
    "adoption-under-way": ProblemType(
        409,
        "It adopts this already",
        "An organization has one adoption of an offering under way at a time.",
        "Go on with the adoption that `detail` names, or withdraw it first.",
    ),
    "criterion-assessed": ProblemType(
        409,
        "The criterion has been assessed",
        "The result of an exit criterion stands until it is reopened.",
        "Reopen it first, with a reason.",
    ),
    "criterion-of-another-phase": ProblemType(
        409,
        "The criterion belongs to another phase",
        "Only exit criteria of the present phase are assessed.",
        "GET …/gates shows those of the present phase.",
    ),
    "criterion-unmet": ProblemType(
        409,
        "A criterion is not met yet",
        "A tollgate is signed when every exit criterion of the phase is met or waived. `missing` lists those that are not.",
        "Show evidence for what `missing` lists, or have it waived.",
    ),
    "no-tollgate": ProblemType(
        409,
        "This phase has no tollgate",
        "Only some phases end at a tollgate that both sides sign.",
        "GET /v1/meta/m3 shows which. Advance without signing.",
    ),
    "tollgate-signed": ProblemType(
        409,
        "This side has signed already",
        "Each side signs a tollgate once.",
        "GET …/gates shows who has signed and what is still outstanding.",
    ),
    "not-active": ProblemType(
        409,
        "The adoption is not active",
        "It is on hold, withdrawn or completed; steps are taken while it is active.",
        "Resume it first, if it is on hold.",
    ),
    "not-stalled": ProblemType(
        409,
        "It does not stand still",
        "Only an adoption that has stalled can be told to go on from a stall.",
        "GET the adoption: `stall` is null while there is progress.",
    ),
    "stalled": ProblemType(
        409,
        "It is known to stand still",
        "A stall is told once, until there is progress.",
        "See `next_step` of the adoption for what would be progress, and whose it is.",
    ),
    "offering-not-open": ProblemType(
        409,
        "The offering cannot be adopted now",
        "Only published offerings take new customers.",
        "Look for its successor, or ask its provider when it opens.",
    ),
    "not-federal": ProblemType(
        409,
        "The provider is not a federal one",
        "This is for providers that are organizations of the government.",
        "Register the provider with the organization that it is.",
    ),
    "not-publishable": ProblemType(
        409,
        "It cannot be published yet",
        "An offering is published when it is complete. `missing` lists what is not.",
        "Add what `missing` lists, then publish.",
    ),
    "successor-not-available": ProblemType(
        409,
        "The successor cannot take over",
        "An offering is succeeded by one that is published.",
        "Publish the successor first, or retire without one.",
    ),
    "on-record-already": ProblemType(
        409,
        "This designation is on record",
        "The same service was designated to the same organization with the same effective date.",
        "GET the designation that `detail` names.",
    ),
    "not-your-seat": ProblemType(
        403,
        "This is not your seat",
        "A vote is cast by who holds the seat.",
        "Vote for your own seat; GET /v1/board-seats lists them.",
    ),
    "seat-vacant": ProblemType(
        409,
        "Nobody holds this seat",
        "A vacant seat does not vote.",
        "Have the coordinator record its holder first.",
    ),
    "recused": ProblemType(
        409,
        "The seat is recused",
        "Who hosts a plan does not vote on it, nor advise on a case of its own.",
        "Nothing is to be done: the quorum counts without this seat.",
    ),
    "voted-already": ProblemType(
        409,
        "The seat has voted",
        "Each seat votes once on a version of a plan.",
        "A new version of the plan is voted on anew.",
    ),
    "too-many-webhooks": ProblemType(
        409,
        "You have as many webhooks as you may",
        "The number of subscriptions of one owner is limited.",
        "Delete one that you do not need, or ask the operator for a higher limit.",
    ),
    "too-many-api-keys": ProblemType(
        409,
        "You have as many API keys as you may",
        "The number of live keys of one owner is limited.",
        "Revoke one that you do not need, or ask the operator for a higher limit.",
    ),
    "too-many-replays": ProblemType(
        409,
        "Enough replays are under way",
        "The number of replays that one webhook waits for is limited.",
        "Wait for one to end; GET …/replays shows how far they are.",
    ),
    "rotating": ProblemType(
        409,
        "A rotation is under way",
        "Two secrets are live; a third would cut off whoever still has the first.",
        "Wait until the older one has expired; `detail` says when.",
    ),
    "not-covered-yet": ProblemType(
        409,
        "No checkpoint covers this event yet",
        "Proofs lead to a signed checkpoint; one is made daily, and sooner when much has happened.",
        "Ask again tomorrow. Until then the hash chain holds the event: GET /v1/audit/head.",
    ),
    "stale-version": ProblemType(
        412,
        "It was changed since you read it",
        "The ETag in If-Match is not that of the current version.",
        "Read the thing again, look at what changed, and repeat your change with the new ETag.",
    ),
    "too-large": ProblemType(
        413,
        "The request is too large",
        "A body may have 1 MiB, an imported file 256 MiB.",
        "Split the file, or send less at a time.",
    ),
    "media-type": ProblemType(
        415,
        "This media type is not understood here",
        "The Content-Type of the body is not one that this address takes.",
        "Send JSON as `application/json`; imports take the file itself.",
    ),
    "invalid": ProblemType(
        422,
        "What was sent is not valid",
        "The request is well-formed, but some of its content is not acceptable.",
        "Each of `errors` has a `pointer` to the place and says what is wrong there.",
    ),
    "unknown-reference": ProblemType(
        422,
        "It refers to something that is not there",
        "An id or slug in the body names something that the service does not know, or has not heard of yet.",
        "Check the id. If it was made a moment ago in another part of the platform, try again shortly.",
    ),
    "idempotency-key-reused": ProblemType(
        422,
        "The idempotency key was used for something else",
        "An Idempotency-Key belongs to one request; this one came earlier with another body or address.",
        "Use a fresh key for a new request.",
    ),
    "precondition-required": ProblemType(
        428,
        "Say which version you are changing",
        "Changes need If-Match, so that nobody overwrites what they have not seen.",
        "GET the thing first and send its ETag in If-Match.",
    ),
    "too-many-requests": ProblemType(
        429,
        "Too many requests",
        "You ask more often, or keep more streams open, than a caller may. The RateLimit and RateLimit-Policy fields of every "
        "answer say how much is left.",
        "Wait for the seconds of Retry-After. Follow /v1/events/stream or a webhook instead of asking again and again.",
    ),
    "overloaded": ProblemType(
        503,
        "Busy for now",
        "This server has as much under way as it can serve, and would rather say so than be slow to all.",
        "Try again after the seconds of Retry-After. Writes are safe to repeat with the same Idempotency-Key.",
    ),
    "internal": ProblemType(
        500,
        "The service failed",
        "A fault of ours. Nothing of the request was kept.",
        "Try again later; if it stays, report the `trace_id`.",
    ),
    "unavailable": ProblemType(
        503,
        "Not available for now",
        "A service or its database cannot be reached at the moment. `service` and `since` say which and since when.",
        "Try again after the time in Retry-After. Writes are safe to repeat with the same Idempotency-Key.",
    ),
    "error": ProblemType(
        400,
        "The request failed",
        "The request was refused for a reason that has no type of its own.",
        "Read `detail`.",
    ),
}
