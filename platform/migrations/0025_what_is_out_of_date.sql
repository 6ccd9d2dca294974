-- What counts for nothing any more is found by its age and deleted (docs/decisions/0049).

create index attempt_counters_by_age on attempt_counters (window_start);

create index access_tokens_by_end on access_tokens (least(expires_at, revoked_at));
grant delete on access_tokens to kameng_core;
