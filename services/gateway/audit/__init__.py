"""The feed proves itself: its chain, signed checkpoints of it, and that one event is covered by one of them."""

from services.gateway.audit.verify import verify_chain
from services.gateway.audit.walk import ChainReport

__all__ = ["ChainReport", "verify_chain"]
