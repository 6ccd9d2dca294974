"""What a person delivers: until when, whether it was done, and the money back if it was not."""
