"""Identity: customers, staff and API clients, how they sign in, and the tokens they carry."""
