"""Keys of this installation, all from one seed that its operator keeps outside the database."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.kernel.errors import Unavailable

_SEED_BYTES = 32
_NONCE_BYTES = 12


class Keyring:
    """One key per purpose, so that none can be used for another's."""

    def __init__(self, seed: str) -> None:
        """`seed`: 32 bytes in base64. Raises ValueError."""
        try:
            given = base64.b64decode(seed, validate=True)
        except binascii.Error as err:
            raise ValueError("the signing key is not base64") from err
        if len(given) != _SEED_BYTES:
            raise ValueError(f"the signing key has {len(given)} bytes; it needs {_SEED_BYTES}")
        self.audit = Ed25519PrivateKey.from_private_bytes(_derived(given, b"audit checkpoints"))
        self.tokens = Ed25519PrivateKey.from_private_bytes(_derived(given, b"tokens"))
        self._sealing = AESGCM(_derived(given, b"secrets at rest"))

    def seal(self, secret: bytes, *, about: str) -> str:
        """For the database; opens only for the same `about`."""
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + self._sealing.encrypt(nonce, secret, about.encode())).decode()

    def open(self, sealed: str, *, about: str) -> bytes:
        """Raises Unavailable for what another seed has sealed."""
        raw = base64.b64decode(sealed)
        try:
            return self._sealing.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about.encode())
        except InvalidTag as err:
            raise Unavailable("This secret was sealed under another QSMO_GATEWAY_SIGNING_KEY.") from err


def _derived(seed: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=_SEED_BYTES, salt=None, info=b"qsmo gateway: " + purpose).derive(seed)


def key_id(public: Ed25519PublicKey) -> str:
    """Names a public key: the beginning of its SHA-256."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]
