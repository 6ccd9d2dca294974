"""A database for each test, as good as new: swept clean if that is possible, else cloned anew.

To clone a database takes half a second of the processor, for a thousand files are copied and
deleted; to empty the few tables that a test has written takes a hundredth of that. What a sweep
cannot undo is noticed: a changed schema, rights or statistics, and tables that have grown large.
"""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from lasting import LastingConnections

_LARGE_BYTES = 512 * 1024
"""From here on a clone costs less than what has been deleted and still lies in the files."""

_TERMINATE = """select pg_terminate_backend(pid, 60000) from pg_stat_activity
                where datname = current_database() and backend_type = 'client backend'
                and pid <> pg_backend_pid() and pid <> all ($1::integer[])"""

# Whatever changes the schema or rights, by whomever, leaves a mark with its transaction.
_NOTICE = """
create schema janitor;
create table janitor.altered (what text);
create table janitor.sequences as
    select format('%I.%I', schemaname, sequencename) as name,
           coalesce(last_value, start_value) as value, last_value is not null as called
    from pg_sequences;
create function janitor.notice() returns event_trigger language plpgsql security definer
    as $$ begin insert into janitor.altered values (tg_tag); end $$;
create function janitor.tables() returns table (name text, bytes bigint) language sql stable as $$
    select format('%I.%I', nspname, relname), pg_relation_size(c.oid)
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where relkind = 'r' and nspname not in ('janitor', 'pg_catalog', 'information_schema')
$$;
create function janitor.statistics() returns text language sql stable as $$
    select format('%s %s %s %s', sum(reltuples), sum(relpages),
                  (select count(*) from pg_statistic where starelid >= 16384),
                  (select string_agg(s::text, ' ') from pg_db_role_setting s
                   join pg_database d on d.oid = setdatabase where datname = current_database()))
    from pg_class where oid >= 16384
    and relnamespace not in ('janitor'::regnamespace, 'pg_toast'::regnamespace)
$$;
create table janitor.rows_of (name text, kept text);
do $$
declare one record;
begin
    for one in select name from janitor.tables() where bytes > 0 loop
        insert into janitor.rows_of values (one.name, 'janitor.kept_' || md5(one.name));
        execute format('create table janitor.kept_%s as table %s', md5(one.name), one.name);
    end loop;
end $$;
create table janitor.untouched as select janitor.statistics() as statistics;
create function janitor.sweep(large_bytes bigint) returns boolean language plpgsql
    set session_replication_role = replica as $$
declare
    one record;
begin
    if exists (select from janitor.altered)
        or (select max(bytes) from janitor.tables()) > large_bytes
        or (select statistics from janitor.untouched) <> janitor.statistics() then
        return false;
    end if;
    for one in select name from janitor.tables() where bytes > 0 loop
        execute 'delete from ' || one.name;
    end loop;
    for one in select name, kept from janitor.rows_of loop
        execute format('insert into %s overriding system value table %s', one.name, one.kept);
    end loop;
    perform setval(name, value, called) from janitor.sequences;
    return true;
end $$;
create event trigger janitor_notices on ddl_command_end execute function janitor.notice();
create event trigger janitor_notices_drops on sql_drop execute function janitor.notice();
"""


def own_name(kind: str) -> str:
    """The name of a database of this test process alone."""
    return f"kameng_{kind}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"


def with_database(url: str, name: str) -> str:
    """The same server's URL with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


class Administrator:
    """One connection of this test process, kept for all that is done to whole databases."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._connection = self.wait_for(asyncpg.connect(with_database(url, "postgres")))

    def execute(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own."""
        for statement in statements:
            self.wait_for(self._connection.execute(statement))

    def wait_for(self, something: Coroutine[Any, Any, Any]) -> Any:
        """The result of something that is done on a connection of this loop."""
        return self._loop.run_until_complete(something)

    def close(self) -> None:
        """Hang up."""
        self.wait_for(self._connection.close())
        self._loop.close()


class Janitor:
    """Keeps one database that is fresh for every test. Its tables, like the template's, are empty
    but for the rows that the migrations have written."""

    def __init__(
        self,
        administrator: Administrator,
        *,
        template: str,
        name: str,
        lasting: LastingConnections | None = None,
    ) -> None:
        self._lasting = lasting or LastingConnections()
        self._administrator = administrator
        self._template, self._name = template, name
        self._connection: asyncpg.Connection | None = None

    def fresh_database(self) -> str:
        """Return the URL of the database, with nobody in it and as new."""
        if not self._swept():
            self._clone()
        return with_database(self._administrator.url, self._name)

    def leave(self) -> None:
        """Drop the database."""
        self._lasting.hang_up()
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        self._administrator.execute(f"drop database if exists {self._name} with (force)")

    def _swept(self) -> bool:
        if self._connection is None or self._connection.is_closed():
            return False
        return bool(self._administrator.wait_for(self._sweep(self._connection)))

    async def _sweep(self, connection: asyncpg.Connection) -> bool:
        try:
            await connection.execute(_TERMINATE, self._lasting.sessions())
            swept: bool = await connection.fetchval("select janitor.sweep($1)", _LARGE_BYTES)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return False  # it was dropped, or so altered that not even this works
        return swept

    def _clone(self) -> None:
        self.leave()
        self._administrator.execute(
            # Copying the files takes a quarter of the time of copying them through the log.
            f"create database {self._name} template {self._template} strategy file_copy"
        )
        self._administrator.wait_for(self._move_in())

    async def _move_in(self) -> None:
        url = with_database(self._administrator.url, self._name)
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(_NOTICE)
        except asyncpg.InsufficientPrivilegeError:
            # Only a superuser notices what others change: here every test gets a clone.
            await connection.close()
        else:
            self._connection = connection
