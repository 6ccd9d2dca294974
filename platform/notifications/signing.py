"""Who signs a message: an endpoint's secret, by the conventions of standardwebhooks.com.

A secret lies sealed for its endpoint's row. After a rotation the one before it signs as well, for
a day: the receiver takes a message when either signature is right, so it can change in peace.
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from standardwebhooks import Webhook

from kernel.crypto import Sealed, keyring

SECRET_BYTES: Final = 32
OVERLAP_SECONDS: Final = 24 * 3600


def new_secret() -> str:
    """A secret as its owner keeps it: `whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(secret: str, *, endpoint_id: UUID) -> Sealed:
    """Close a secret for its endpoint's row."""
    return keyring().seal(secret.encode(), bound_to=endpoint_id.bytes)


def unseal(sealed: Sealed, *, endpoint_id: UUID) -> str:
    """Open a secret; raises `CannotDecrypt` for another row's."""
    return keyring().unseal(sealed, bound_to=endpoint_id.bytes).decode()


def headers_of(
    *, event_id: str, now: datetime, body: bytes, secrets_of_endpoint: Sequence[str]
) -> dict[str, str]:
    """The headers that a message is recognised by, with a signature for each secret."""
    text = body.decode()
    signatures = [Webhook(secret).sign(event_id, now, text) for secret in secrets_of_endpoint]
    return {
        "content-type": "application/json",
        "user-agent": "kameng-webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
