"""Many callers at the same moment, and what became of each of them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kernel.errors import Refusal

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The answers of a crowd, sorted: what was done, what was refused, what broke."""

    done: list[T]
    refused: Counter[str]
    errors: list[BaseException]


async def all_at_once(calls: Iterable[Awaitable[T]]) -> Outcome[T]:
    """Start every call before the first one can end, and wait for all of them."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    return Outcome(
        done=[answer for answer in answers if not isinstance(answer, BaseException)],
        refused=Counter(answer.code for answer in answers if isinstance(answer, Refusal)),
        errors=[
            answer
            for answer in answers
            if isinstance(answer, BaseException) and not isinstance(answer, Refusal)
        ],
    )
