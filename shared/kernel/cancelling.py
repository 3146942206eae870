"""Telling a cancellation that is meant for this task from one that merely passes by."""

from __future__ import annotations

import asyncio


def is_cancelled() -> bool:
    """Whether somebody wants this task to end. Awaiting a task that was cancelled by who owns it raises the same error."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
