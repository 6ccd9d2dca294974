-- A sale writes fewer index entries, and asks for one customer's unpaid orders alone.

-- Every order asks how many its customer has left unpaid. An order that is born paid is not in it.
create index orders_unpaid_of_customer on orders (tenant_id, customer_id)
    where payment_status = 'PENDING' and customer_id is not null;

-- A customer's order has no guest's token, and a wallet's payment has no channel's id.
alter table orders drop constraint orders_guest_token_hash_key;
create unique index orders_of_guest on orders (guest_token_hash)
    where guest_token_hash is not null;
alter table payments drop constraint payments_provider_provider_ref_key;
create unique index payments_of_provider on payments (provider, provider_ref)
    where provider_ref is not null;
