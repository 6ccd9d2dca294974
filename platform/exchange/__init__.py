"""What a currency is worth in another one, as operators say it: each rate once, and for a while."""
