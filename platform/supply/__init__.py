"""The shared pool: suppliers, what they offer, and the keys: imported, sealed, held and sold."""
