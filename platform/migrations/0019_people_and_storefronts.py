"""Staff who sign in, programs with scopes, and what a shop says of itself."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0018_domains_of_their_own")
