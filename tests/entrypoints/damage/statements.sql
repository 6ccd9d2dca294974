-- Damage to the files of statements.

-- damage: a piece of a statement is missing
-- breaks: I38 a statement's file is whole, of one attempt, and is what its hash says
insert into statement_files (tenant_id, id, party_kind, party_id, currency, since, until, utc_offset_minutes, format, english, asked_by, state, attempt, size_bytes, sha256, created_at, ended_at)
select id, gen_random_uuid(), 'TENANT', id, 'CNY', '2026-01-01', '2026-01-02', 0, 'CSV', true, 'staff:x', 'DONE', 1, 3, sha256('abc'), '2026-01-03', '2026-01-03' from tenants limit 1;

-- damage: somebody has changed what a statement says
-- breaks: I38 a statement's file is whole, of one attempt, and is what its hash says
with made as (
    insert into statement_files (tenant_id, id, party_kind, party_id, currency, since, until, utc_offset_minutes, format, english, asked_by, state, attempt, size_bytes, sha256, created_at, ended_at)
    select id, gen_random_uuid(), 'TENANT', id, 'CNY', '2026-01-01', '2026-01-02', 0, 'CSV', true, 'staff:x', 'DONE', 1, 3, sha256('abc'), '2026-01-03', '2026-01-03' from tenants limit 1
    returning tenant_id, id)
insert into statement_chunks (tenant_id, file_id, attempt, number, content) select tenant_id, id, 1, 0, 'abd' from made;

-- damage: a statement is of a time that had not been yet
-- breaks: I38 a statement is asked for by a party's own tenant, and of a period that was over
insert into statement_files (tenant_id, id, party_kind, party_id, currency, since, until, utc_offset_minutes, format, english, asked_by, created_at)
select id, gen_random_uuid(), 'TENANT', id, 'CNY', '2026-01-01', '2026-01-03', 0, 'CSV', true, 'staff:x', '2026-01-02' from tenants limit 1;
