"""What the bank's lines pay for: found by their reference, or by an operator."""
