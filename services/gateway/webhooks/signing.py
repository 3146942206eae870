"""Signatures and secrets as Standard Webhooks has them: `v1` by HMAC-SHA256, `v1a` by Ed25519.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SECRET_BYTES = 32


def new_secret() -> bytes:
    return os.urandom(_SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    return "whsec_" + base64.b64encode(secret).decode()


def shown_public_key(private: Ed25519PrivateKey) -> str:
    return "whpk_" + base64.b64encode(private.public_key().public_bytes_raw()).decode()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one subscription: with each live secret and with its key."""

    secrets: Sequence[bytes]
    private: Ed25519PrivateKey

    def headers(self, message_id: str, *, at: datetime, body: bytes) -> list[tuple[bytes, bytes]]:
        seconds = int(at.timestamp())
        content = f"{message_id}.{seconds}.".encode() + body
        signatures = [b"v1," + base64.b64encode(hmac.digest(secret, content, hashlib.sha256)) for secret in self.secrets]
        signatures.append(b"v1a," + base64.b64encode(self.private.sign(content)))
        return [
            (b"webhook-id", message_id.encode()),
            (b"webhook-timestamp", b"%d" % seconds),
            (b"webhook-signature", b" ".join(signatures)),
        ]
