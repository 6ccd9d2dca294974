"""PostgreSQL and Valkey from wheels, for a machine that has neither.

`start_engines()` makes both ready inside a data directory and says where they answer. They
belong to that directory, not to the process that started them: a server that is still running
after its parent was killed is found and used again, and its data outlives every restart.
"""

from entrypoints.embedded.engines import Engines, erase_engines, start_engines, stop_engines
from entrypoints.embedded.errors import EngineFailed

__all__ = ["EngineFailed", "Engines", "erase_engines", "start_engines", "stop_engines"]
