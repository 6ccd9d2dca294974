"""The cart: what somebody thinks of buying. It holds no key and fixes no price."""
