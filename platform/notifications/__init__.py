"""What tenants' own programs are told: signed webhooks, delivered until they are taken.

The outbox (`kernel/outbox.py`) says what happened; this room says where each tenant listens
(`endpoints.py`), hands events on to endpoints (`handing_on.py`), makes messages of them from the
tenant's own view (`messages.py`) and sends them (`delivering.py`), by a schedule that is plain
arithmetic (`schedule.py`). It watches and changes nothing of what it tells.
"""
