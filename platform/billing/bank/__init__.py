"""The platform's bank accounts: what was transferred to them, and what goes back from there."""
