"""The platform's own plans (E14): goods for parts of their price, handed over as they are paid."""
