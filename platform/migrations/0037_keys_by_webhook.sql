-- A shop may have the keys that it buys at cost sent to a program of its own; each time is a reveal.
alter table webhook_endpoints add column sends_keys boolean not null default false;
alter table key_reveals
    drop constraint key_reveals_channel_check,
    add constraint key_reveals_channel_check check (channel in ('REVEAL', 'EXPORT', 'WEBHOOK'));
