"""Records what the product asks of the database, as scripts for pgbench: a process of its own.

The product's own application answers a few real requests inside this process, and asyncpg says
which statements went over the wire. Each operation becomes one script. The shop of a host, which
the API remembers for two seconds, is looked up before an operation and is not part of it. Where
buyers pay at the channel's stand-in, the application also listens on a port, for its calls.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import orjson

from entrypoints.asgi import create_app
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.load.answers import WrongAnswer
from entrypoints.bench.load.journeys import perform
from entrypoints.bench.load.questions import Question
from entrypoints.bench.recording.answered import answers_of
from entrypoints.bench.recording.counter import RecordingCounter, listening
from entrypoints.bench.recording.postings import postings_of
from entrypoints.bench.recording.scripts import Recorded, script
from entrypoints.bench.recording.tape import Tape
from kernel import db
from kernel.clock import unix_milliseconds
from kernel.settings import settings
from offers.assortment import assortments
from tenants import directory


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What to record. With `only_postings` the scripts write the operation's ledger rows and
    nothing else; `webhook_port` is where the payment channel calls, 0 where nobody pays there."""

    questions: list[Question]
    directory: str
    only_postings: bool = False
    webhook_port: int = 0

    def write(self, file: Path) -> None:
        """Write the plan for `read`."""
        file.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "RecordingPlan":
        """Read a plan."""
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

    def of_clients(self, clients: int) -> list[list[str]]:
        """Give each client's own scripts: they were written one client's after
        the other's."""
        each = len(self.files) // clients
        return [self.files[client * each : (client + 1) * each] for client in range(clients)]

    @classmethod
    def read(cls, file: Path) -> "Recording":
        """Read what `main` has written."""
        return cls(**orjson.loads(file.read_bytes()))


async def record(plan: RecordingPlan) -> Recording:
    """Carry out each question's operation once and write its script."""
    tape = Tape()
    owner = await asyncpg.connect(settings().database_url)
    try:
        async with _counter(tape, webhook_port=plan.webhook_port) as counter:
            operations = [await _operation(counter, tape, one) for one in plan.questions]
        files = [
            await _write(owner, plan, number, operation)
            for number, operation in enumerate(operations)
        ]
    finally:
        await owner.close()
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


class _Undisturbed:
    """The ear of a process in whose time nobody changes anything: so it knows its goods, as the
    measured one does, and asks what that asks."""

    listening_seconds = 1.0


@asynccontextmanager
async def _counter(tape: Tape, *, webhook_port: int) -> AsyncIterator[RecordingCounter]:
    """The product's application, connected, with the tape on every connection."""
    config = settings()
    await db.connect(config)
    try:
        await tape.listen()
        app = create_app(config)
        assortments.rest_on(_Undisturbed())
        key = config.stripe_api_key.get_secret_value()
        async with (
            listening(app, webhook_port),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") as api,
            httpx.AsyncClient(
                base_url=config.stripe_api_url, auth=(key, ""), trust_env=False
            ) as channel,
        ):
            yield RecordingCounter(api, channel)
    finally:
        await db.disconnect()


@dataclass(frozen=True, slots=True)
class _Operation:
    """What one operation asked, and from when to when, in milliseconds since 1970."""

    statements: list[Recorded]
    began_at_ms: int
    ended_at_ms: int

    def made(self, identifier: UUID) -> bool:
        """True for an id that was made in its time. An account's id is a hash of any time."""
        return self.began_at_ms <= made_at_ms(identifier) <= self.ended_at_ms


async def _operation(counter: RecordingCounter, tape: Tape, question: Question) -> _Operation:
    """Carry out the operation twice and listen in the second time: then the product knows what it
    keeps in memory, as it does while it is measured."""
    directory.forget()
    await directory.shop_by_host(question.host)
    await perform(counter, question)
    await asyncio.sleep(0.002)  # ids made from here on are of a later millisecond
    began_at_ms = unix_milliseconds()
    with tape.running():
        await perform(counter, question)
        await asyncio.sleep(0.002)  # asyncpg reports a statement a moment after its end
    return _Operation(tape.statements, began_at_ms, unix_milliseconds())


async def _write(
    owner: asyncpg.Connection,
    plan: RecordingPlan,
    number: int,
    operation: _Operation,
) -> str:
    statements = operation.statements
    if plan.only_postings:
        statements = await postings_of(owner, statements)
    answers = await answers_of(owner, statements)
    name = f"{number:03d}"
    text = script(statements, is_new=operation.made, answers=answers, name=name)
    file = Path(plan.directory) / f"{name}.sql"
    await asyncio.to_thread(file.write_text, text, encoding="utf-8")
    return str(file)


def made_at_ms(identifier: UUID) -> int:
    """Say when a time-ordered id was made; 0 for an id of another kind."""
    return identifier.int >> 80 if identifier.version == 7 else 0


def main(plan_file: Path, result_file: Path) -> None:
    """Record what a plan asks for and write where it is."""
    try:
        recording = asyncio.run(record(RecordingPlan.read(plan_file)))
    except (BenchFailed, WrongAnswer) as failure:  # the product's own log would mask the reason
        sys.exit(str(failure))
    result_file.write_bytes(orjson.dumps(asdict(recording)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
