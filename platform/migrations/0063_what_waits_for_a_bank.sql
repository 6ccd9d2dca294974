-- A batch's buyer whose bank is deciding about the payment is paid back once it has decided: the
-- batch is gone through again, from its first line.
alter table batch_compensations add column next_at timestamptz not null default platform_now();
grant update (next_at) on batch_compensations to kameng_core;

-- Whose earnings a case holds, a dispute among them: such a party's deposit stays.
create index earnings_held on earnings (party_id) where open_holds > 0;
