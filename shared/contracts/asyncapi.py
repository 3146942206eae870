"""One AsyncAPI 3 document of every fact, from the contracts: on Kafka, on the feed, to webhooks."""

from __future__ import annotations

from typing import Any

from shared.contracts.fact import FACTS

JsonObject = dict[str, Any]
_SCHEMAS = "#/components/schemas/"
_MESSAGES = "#/components/messages/"
_TEXT: JsonObject = {"type": "string"}
_ATTRIBUTES: JsonObject = {
    "specversion": {"const": "1.0"},
    "id": {**_TEXT, "description": "UUIDv7; the same however often the event is delivered"},
    "source": {**_TEXT, "description": "The service: /registry, /catalog, /adoption, /gateway"},
    "type": _TEXT,
    "subject": {**_TEXT, "description": "Id of the aggregate; the Kafka key"},
    "time": {**_TEXT, "format": "date-time"},
    "datacontenttype": {"const": "application/json"},
    "dataschema": _TEXT,
    "actor": {**_TEXT, "description": "Subject of the token that asked for the change, or system:… for the platform's own"},
    "correlationid": _TEXT,
    "visibility": {"enum": ["public", "federal", "restricted"]},
    "causationid": _TEXT,
    "traceparent": _TEXT,
    "focusarea": _TEXT,
    "agency": _TEXT,
}
_OPTIONAL = frozenset({"causationid", "traceparent", "focusarea", "agency"})
_OWNERS = ("registry", "catalog", "adoption")
_DESCRIPTION = (
    "Facts of the US federal shared-services regime, as CloudEvents 1.0. Per aggregate in order, at least once; "
    "`aggregateversion` counts from 1 without gaps. Contracts are additive only: ignore what you do not know."
)


_SERVERS: JsonObject = {
    "gateway": {
        "host": "{host}",
        "protocol": "https",
        "description": "The feed and webhooks",
        "variables": {"host": {"default": "127.0.0.1:8080", "description": "Where the gateway is"}},
    },
    "kafka": {
        "host": "{host}",
        "protocol": "kafka",
        "description": "The topics, for those whom the operator lets read them",
        "variables": {"host": {"default": "127.0.0.1:9092", "description": "Where the brokers are"}},
    },
}


def document() -> JsonObject:
    """Of all facts that are known: import their modules first."""
    schemas: JsonObject = {"CloudEvent": _structured()}
    messages: JsonObject = {}
    for name in sorted(FACTS):
        schemas |= _schemas(name)
        messages |= _messages(name)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "QSMO Marketplace Platform: events",
            "version": "1",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": name} for name in ("facts", "cloudevents")],
        },
        "servers": _SERVERS,
        "defaultContentType": "application/json",
        "channels": {**{owner: _topic(owner) for owner in _OWNERS}, "feed": _feed(), "webhook": _webhook()},
        "operations": {
            name: {"action": "send", "channel": {"$ref": f"#/channels/{name}"}, "summary": text, "description": text}
            for name, text in _operations().items()
        },
        "components": {"schemas": dict(sorted(schemas.items())), "messages": messages},
    }


def _operations() -> dict[str, str]:
    told = {owner: f"The {owner} tells of each of its changes." for owner in _OWNERS}
    told["feed"] = "The gateway streams every fact that the caller may see, in the order of `seq`."
    told["webhook"] = "The gateway posts every fact that a subscription asked for, one at a time, in the order of `seq`."
    return told


def _topic(owner: str) -> JsonObject:
    return {
        "address": f"qsmo.{owner}",
        "title": f"Facts of the {owner} on Kafka",
        "servers": [{"$ref": "#/servers/kafka"}],
        "description": "Binary mode: attributes as `ce_` headers, the fact as the value, the aggregate's id as the key.",
        "messages": {name: {"$ref": _MESSAGES + name} for name in sorted(FACTS) if name.startswith(f"qsmo.{owner}.")},
        "bindings": {"kafka": {"topic": f"qsmo.{owner}", "bindingVersion": "0.5.0"}},
    }


def _feed() -> JsonObject:
    return {
        "address": "/v1/events/stream",
        "title": "The feed as Server-Sent Events",
        "servers": [{"$ref": "#/servers/gateway"}],
        "description": "`id` is the seq, `event` the type, `data` the structured CloudEvent. Resume by `Last-Event-ID`.",
        "messages": {name: {"$ref": f"{_MESSAGES}structured.{name}"} for name in sorted(FACTS)},
        "bindings": {"http": {}},
    }


def _webhook() -> JsonObject:
    return {
        "address": None,
        "title": "A subscriber's own address",
        "servers": [{"$ref": "#/servers/gateway"}],
        "description": "POST by Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature (v1, v1a).",
        "messages": {name: {"$ref": f"{_MESSAGES}structured.{name}"} for name in sorted(FACTS)},
        "bindings": {"http": {}},
    }


def _schemas(name: str) -> JsonObject:
    made = FACTS[name].model_json_schema(ref_template=_SCHEMAS + "{model}")
    return {**made.pop("$defs", {}), name: made}


def _messages(name: str) -> JsonObject:
    summary = " ".join((FACTS[name].__doc__ or "").split()) or name.removeprefix("qsmo.").removesuffix(".v1")
    data = {"$ref": _SCHEMAS + name}
    typed = {"type": "object", "properties": {"type": {"const": name}, "data": data}}
    return {
        name: {
            "name": name,
            "summary": summary,
            "contentType": "application/json",
            "headers": _headers(name),
            "payload": data,
            "bindings": {"kafka": {"key": _TEXT, "bindingVersion": "0.5.0"}},
        },
        f"structured.{name}": {
            "name": name,
            "summary": summary,
            "contentType": "application/cloudevents+json",
            "payload": {"allOf": [{"$ref": _SCHEMAS + "CloudEvent"}, typed]},
        },
    }


def _headers(name: str) -> JsonObject:
    properties = {f"ce_{attribute}": schema for attribute, schema in _ATTRIBUTES.items() if attribute != "datacontenttype"}
    properties |= {"ce_type": {"const": name}, "ce_aggregateversion": _TEXT, "content-type": {"const": "application/json"}}
    required = sorted(header for header in properties if header.removeprefix("ce_") not in _OPTIONAL)
    return {"type": "object", "properties": properties, "required": required}


def _structured() -> JsonObject:
    whole = {"type": "integer", "minimum": 1}
    properties = {**_ATTRIBUTES, "aggregateversion": whole, "seq": {**whole, "description": "Place on the feed"}, "data": {}}
    return {"type": "object", "properties": properties, "required": sorted(properties.keys() - _OPTIONAL)}
