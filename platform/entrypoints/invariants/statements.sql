-- What is always true of statements as files. How such a file is read: sales.sql.


-- invariant: I38 a statement's file is whole, of one attempt, and is what its hash says
select file.id as file_id, file.attempt, file.size_bytes, kept.size_bytes as kept_bytes,
       kept.pieces, kept.last_number
from statement_files file
left join lateral (
    select count(*) as pieces, max(number) as last_number,
           sum(octet_length(content))::bigint as size_bytes,
           bool_and(attempt = file.attempt) as of_one_attempt,
           sha256(coalesce(string_agg(content, ''::bytea order by number), ''::bytea)) as hash
    from statement_chunks chunk
    where chunk.tenant_id = file.tenant_id and chunk.file_id = file.id
) as kept on true
where file.state = 'DONE'
  and (kept.size_bytes, kept.last_number + 1, kept.of_one_attempt, kept.hash)
      is distinct from (file.size_bytes, kept.pieces, true, file.sha256)
limit 20;

-- invariant: I38 a statement is asked for by a party's own tenant, and of a period that was over
select id as file_id, tenant_id, party_kind, party_id, until, created_at
from statement_files
where until > created_at
   or (party_kind = 'TENANT' and tenant_id <> party_id)
limit 20;
