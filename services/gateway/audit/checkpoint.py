"""A checkpoint: what the installation states about a stretch of the feed, and signs."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.gateway.chain import GENESIS
from shared.contracts.envelope import instant

_TITLE = "qsmo audit checkpoint v1"
_NAMES = ("first", "seq", "hash", "root", "previous", "at")
NONE_BEFORE = GENESIS


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Events `first` to `seq` have the Merkle root `root` over their hashes; the last one's hash is `hash`.

    `previous`: SHA-256 of the statement before, so that none can be left out unnoticed.
    """

    first: int
    seq: int
    hash: str
    root: str
    previous: str
    at: str

    @property
    def text(self) -> str:
        """What is signed: a title and `name: value` lines, each ended by a line feed."""
        return f"{_TITLE}\n" + "".join(f"{name}: {getattr(self, name)}\n" for name in _NAMES)

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()

    @classmethod
    def parse(cls, text: str) -> Statement:
        """Raises ValueError for anything that `text` would not give again."""
        title, *lines = text.split("\n")
        pairs = [line.partition(": ") for line in lines if line]
        if title != _TITLE or tuple(pair[0] for pair in pairs) != _NAMES:
            raise ValueError("this is no statement of a checkpoint")
        first, seq, *rest = (pair[2] for pair in pairs)
        found = cls(first=int(first), seq=int(seq), **dict(zip(_NAMES[2:], rest, strict=True)))
        if found.text != text:
            raise ValueError("this is no statement of a checkpoint")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`public_key` and `signature` are in base64."""

    statement: Statement
    public_key: str
    signature: str

    @classmethod
    def signed(cls, statement: Statement, key: Ed25519PrivateKey) -> Checkpoint:
        return cls(
            statement=statement,
            public_key=shown_key(key.public_key()),
            signature=base64.b64encode(key.sign(statement.text.encode())).decode(),
        )

    def fault(self, *, trusted: frozenset[str]) -> str | None:
        """What is wrong with the signature; None when a trusted key made it."""
        if self.public_key not in trusted:
            return f"its checkpoint is signed with a key that is not trusted: {self.public_key}"
        try:
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.public_key, validate=True))
            public.verify(base64.b64decode(self.signature, validate=True), self.statement.text.encode())
        except (InvalidSignature, ValueError, binascii.Error):
            return "the signature of its checkpoint is not valid"
        return None


def statement(*, first: int, seq: int, hash: str, root: bytes, previous: Checkpoint | None, at: datetime) -> Statement:  # noqa: A002
    before = previous.statement.digest if previous else NONE_BEFORE
    return Statement(first=first, seq=seq, hash=hash, root=root.hex(), previous=before, at=instant(at))


def shown_key(public: Ed25519PublicKey) -> str:
    return base64.b64encode(public.public_bytes_raw()).decode()
