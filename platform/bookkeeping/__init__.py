"""For accountants and whoever checks on them: the audit log, corrections, statements."""
