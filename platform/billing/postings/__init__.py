"""What each money event posts (domain 4): pure functions, amounts in and entries out."""
