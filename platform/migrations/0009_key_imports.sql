-- An import can be taken back and made again, and its report names every line.

-- A withdrawn key or batch is history: it no longer stands in the way of the same file.
alter table key_batches drop constraint key_batches_supplier_listing_id_file_hash_key;
create unique index key_batches_one_live on key_batches (supplier_listing_id, file_hash)
    where status <> 'WITHDRAWN';
drop index keys_fingerprint;
create unique index keys_fingerprint on keys (fingerprint) where status <> 'WITHDRAWN';

-- The line of the file that a key came from; null for a key that came another way. Unique: a line
-- is imported once, however often the import is killed and resumed.
alter table keys add column line_number integer check (line_number > 0);
drop index keys_of_batch;
create unique index keys_of_batch on keys (batch_id, line_number);
