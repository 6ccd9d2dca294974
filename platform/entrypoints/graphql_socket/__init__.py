"""GraphQL over WebSocket, by the protocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

A socket is open for hours, and its context is made once: who was signed out or dismissed meanwhile
would go on. So it carries subscriptions alone, which ask for their caller before every event.

There are thousands of sockets, and most of them wait. So one costs a task, and a task for each of
its subscriptions, and what they hold while they wait is all that is held: `endpoint.py` lets
a socket in and forgets how it was opened, `session.py` is the conversation.
"""

from entrypoints.graphql_socket.endpoint import GraphQLSocket

__all__ = ["GraphQLSocket"]
