"""The books beside everybody else's: statements of channels and banks, orders and keys."""
