"""Orders that affiliates have brought: counted once they are paid, looked at, and decided about."""
