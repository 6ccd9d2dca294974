"""Pages for people: server-made, each one GraphQL document; they work without JavaScript."""
