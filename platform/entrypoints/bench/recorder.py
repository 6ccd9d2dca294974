"""Records what the product asks of the database, as scripts for pgbench: a process of its own.

The product's own application answers a few real requests inside this process, and asyncpg says
which statements went over the wire. Each operation becomes one script. The shop of a host, which
the API remembers for two seconds, is looked up before an operation and is not part of it.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
from tortoise.connection import get_connection

from entrypoints.asgi import create_app
from entrypoints.bench.answers import WrongAnswer, check
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.questions import NEW_KEY, Question
from entrypoints.bench.scripts import Answer, Recorded, script
from kernel import db
from kernel.clock import unix_milliseconds
from kernel.ids import new_id
from kernel.settings import settings
from tenants import directory


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What to record. `only` keeps the statements with these words and their transactions."""

    questions: list[Question]
    directory: str
    only: str | None

    def write(self, file: Path) -> None:
        """This function will write the plan for `read`."""
        file.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "RecordingPlan":
        """This function will read a plan."""
        given = orjson.loads(file.read_bytes())
        given["questions"] = [Question.from_json(one) for one in given["questions"]]
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Recording:
    """The scripts in the order of the questions, and what one operation asks on average.

    `statements` are of the whole operation, without what opens and ends transactions; with it
    they are `round_trips`.
    """

    files: list[str]
    role: str
    statements: float
    round_trips: float

    @classmethod
    def read(cls, file: Path) -> "Recording":
        """This function will read what `main` has written."""
        return cls(**orjson.loads(file.read_bytes()))


@dataclass(slots=True)
class _Tape:
    """Everything that went over the wire while it was on."""

    on: bool = False
    statements: list[Recorded] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)

    def note(self, query: Any) -> None:
        """asyncpg calls this after each statement."""
        if self.on:
            self.statements.append(Recorded(query.query, tuple(query.args or ())))
            self.roles.add(query.conn_params.user)

    @contextmanager
    def running(self) -> Iterator[None]:
        """This function will record inside the block only."""
        self.statements, self.on = [], True
        try:
            yield
        finally:
            self.on = False


async def record(plan: RecordingPlan) -> Recording:
    """This function will answer each question once and write its script."""
    config = settings()
    tape = _Tape()
    await db.connect(config)
    owner = await asyncpg.connect(config.database_url)
    try:
        for role in (db.SHOP, db.CORE):
            async with get_connection(role).acquire_connection() as connection:
                connection.add_query_logger(tape.note)
        transport = httpx.ASGITransport(create_app(config))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            operations = [await _operation(client, tape, one) for one in plan.questions]
        files = [
            await _write(owner, plan, number, operation)
            for number, operation in enumerate(operations)
        ]
    finally:
        await owner.close()
        await db.disconnect()
    if len(tape.roles) != 1:
        raise BenchFailed(f"pgbench has one role, and the operation has {sorted(tape.roles)}")
    trips = [len(one.statements) for one in operations]
    asked = [sum(not sql.is_control for sql in one.statements) for one in operations]
    return Recording(
        files=files,
        role=tape.roles.pop(),
        statements=sum(asked) / len(asked),
        round_trips=sum(trips) / len(trips),
    )


@dataclass(frozen=True, slots=True)
class _Operation:
    """What one operation asked, and from when to when, in milliseconds since 1970."""

    statements: list[Recorded]
    began_at_ms: int
    ended_at_ms: int

    def made(self, identifier: UUID) -> bool:
        """True for an id that was made in its time. An account's id is a hash of any time."""
        return self.began_at_ms <= made_at_ms(identifier) <= self.ended_at_ms


async def _operation(client: httpx.AsyncClient, tape: _Tape, question: Question) -> _Operation:
    """Ask the question and listen in."""
    directory.forget()
    await directory.shop_by_host(question.host)
    await asyncio.sleep(0.002)  # ids made from here on are of a later millisecond
    began_at_ms = unix_milliseconds()
    body = orjson.dumps(question.body).replace(NEW_KEY.encode(), str(new_id()).encode())
    with tape.running():
        response = await client.post("/graphql", content=body, headers=question.headers)
        await asyncio.sleep(0.002)  # asyncpg reports a statement a moment after its end
    check(question, response.json())
    return _Operation(tape.statements, began_at_ms, unix_milliseconds())


async def _write(
    owner: asyncpg.Connection,
    plan: RecordingPlan,
    number: int,
    operation: _Operation,
) -> str:
    statements = operation.statements
    if plan.only is not None:
        statements = only_with(plan.only, statements)
    answers = await _answers(owner, statements)
    file = Path(plan.directory) / f"{number:03d}.sql"
    text = script(statements, is_new=operation.made, answers=answers)
    await asyncio.to_thread(file.write_text, text, encoding="utf-8")
    return str(file)


def made_at_ms(identifier: UUID) -> int:
    """This function will say when a time-ordered id was made; 0 for an id of another kind."""
    return identifier.int >> 80 if identifier.version == 7 else 0


def only_with(words: str, statements: Sequence[Recorded]) -> list[Recorded]:
    """This function will keep the statements with these words, each within its transaction."""
    kept: list[Recorded] = []
    for place, statement in enumerate(statements):
        if words in statement.sql:
            before, after = statements[:place], statements[place:]
            begin = next(one for one in reversed(before) if one.is_control)
            commit = next(one for one in after if one.is_control)
            kept += [begin, statement, commit]
    if not kept:
        raise BenchFailed(f"no statement of the operation has the words {words!r}")
    return kept


async def _answers(owner: asyncpg.Connection, statements: Sequence[Recorded]) -> dict[UUID, Answer]:
    """The keys that the database chose, and which statement returned them."""
    first_use: dict[UUID, int] = {}
    for place, statement in enumerate(statements):
        for identifier in _ids_in(statement.values):
            first_use.setdefault(identifier, place)
    chosen = await owner.fetch("select id from keys where id = any ($1)", list(first_use))
    return {
        row["id"]: await _giver(owner, statements, before=first_use[row["id"]]) for row in chosen
    }


async def _giver(
    owner: asyncpg.Connection, statements: Sequence[Recorded], *, before: int
) -> Answer:
    """The statement that returned a key before it was first used."""
    for place in reversed(range(before)):
        sql = statements[place].sql
        if "keys" in sql and "returning" in sql.lower():
            prepared = await owner.prepare(sql)
            column = next(one.name for one in prepared.get_attributes() if one.type.name == "uuid")
            return Answer(place, column)
    raise BenchFailed("the operation uses a key that no statement of it returns")


def _ids_in(values: Sequence[object]) -> Iterator[UUID]:
    for value in values:
        if isinstance(value, UUID):
            yield value
        elif isinstance(value, list | tuple):
            yield from _ids_in(value)


def main(plan_file: Path, result_file: Path) -> None:
    """This function will record what a plan asks for and write where it is."""
    try:
        recording = asyncio.run(record(RecordingPlan.read(plan_file)))
    except (BenchFailed, WrongAnswer) as failure:  # the product's own log would mask the reason
        sys.exit(str(failure))
    result_file.write_bytes(orjson.dumps(asdict(recording)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
