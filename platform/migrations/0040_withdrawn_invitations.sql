-- A parent takes an open invitation back. An invitation ends once: it is taken or withdrawn.
alter table tenant_invitations
    add column withdrawn_at timestamptz,
    add constraint tenant_invitations_end_once check (child_id is null or withdrawn_at is null);
grant update (withdrawn_at) on tenant_invitations to kameng_core;

-- A parent's list is read by id, the newest first, and what is not open is in nobody's way.
drop index tenant_invitations_open;
create index tenant_invitations_open on tenant_invitations (tenant_id, id)
    where child_id is null and withdrawn_at is null;
