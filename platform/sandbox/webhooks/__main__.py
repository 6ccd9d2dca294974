"""`python -m sandbox.webhooks --port 9300 --secret whsec_…`: a receiver until Ctrl-C."""

import argparse
import asyncio
import ssl
from pathlib import Path

from sandbox.webhooks.receiver import receiving


async def _serve(port: int, secret: str, certificate: Path | None, key: Path | None) -> None:
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
    async with receiving(secret, port=port, tls=tls):
        await asyncio.Event().wait()


def main() -> None:
    """Listen at this port; with a certificate, over TLS."""
    parser = argparse.ArgumentParser(prog="sandbox.webhooks")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    given = parser.parse_args()
    asyncio.run(_serve(given.port, given.secret, given.certificate, given.key))


if __name__ == "__main__":
    main()
