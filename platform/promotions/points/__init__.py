"""Points (积分): a shop's program, what its customers hold, and how that is earned and spent."""
