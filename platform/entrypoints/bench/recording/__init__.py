"""The product's own statements, listened to and written down for pgbench."""
