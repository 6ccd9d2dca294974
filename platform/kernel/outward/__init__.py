"""Calls to addresses that strangers have chosen: webhooks, suppliers' systems, custom domains.

Whoever names an address must not reach through us what only we can reach. A URL is read strictly
(`targets.py`), its name is looked up by ourselves, every address found must belong to the public
internet (`addresses.py`), and the connection goes to exactly the address that was looked at: a
name that means something else a moment later changes nothing. No redirect is followed.
"""

from kernel.outward.calling import Answer as Answer
from kernel.outward.calling import CallFailed as CallFailed
from kernel.outward.calling import call as call
from kernel.outward.resolving import check as check
from kernel.outward.targets import AddressRefused as AddressRefused
from kernel.outward.targets import Target as Target
from kernel.outward.targets import target_of as target_of
