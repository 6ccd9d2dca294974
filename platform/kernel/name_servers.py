"""Who is asked for names: the machine's own DNS servers, or those that the settings name."""

import dns.asyncresolver


def resolver_of(servers: str) -> dns.asyncresolver.Resolver:
    """Make a resolver of DNS servers, `address` or `address:port` by commas; empty: the machine's.

    It knows nothing of the machine's hosts file, and keeps no answers.
    """
    if not servers:
        return dns.asyncresolver.Resolver()
    resolver = dns.asyncresolver.Resolver(configure=False)
    named = [server.strip().partition(":") for server in servers.split(",")]
    resolver.nameservers = [address for address, _, _ in named]
    resolver.nameserver_ports = {address: int(port) for address, _, port in named if port}
    return resolver
