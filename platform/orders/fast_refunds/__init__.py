"""The arrival guarantee: the buyer is paid at once out of the supplier's deposit (E8), and then it
is decided whose loss that is."""
