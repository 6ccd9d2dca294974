"""How people talk to us: the GraphQL types, one file a room, and what every request passes."""
