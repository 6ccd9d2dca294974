"""The life of what is earned: pending at delivery, held while a case is open, available in time."""
