"""A tenant's own program that listens to webhooks: it checks signatures, and fails on demand."""
