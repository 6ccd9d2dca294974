"""A DNS server that answers for TXT records over UDP and TCP, with faults on demand."""
