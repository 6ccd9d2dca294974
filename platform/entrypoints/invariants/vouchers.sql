-- What is always true of redeem vouchers. How such a file is read: sales.sql.


-- invariant: I26 what is owed for vouchers is the worth of the codes that are still open
select batch_id, sum(minor)::bigint as codes_minus_ledger_minor
from (select voucher.batch_id, batch.value_minor as minor
      from vouchers voucher
      join voucher_batches batch
          on (batch.tenant_id, batch.id) = (voucher.tenant_id, voucher.batch_id)
      where voucher.redeemed_at is null and voucher.returned_at is null
      union all
      select account.owner_id, entry.amount_minor
      from ledger_accounts account
      join ledger_entries entry on entry.account_id = account.id
      where account.code = 'L:VOUCHER') as compared
group by batch_id
having sum(minor) <> 0
limit 20;

-- invariant: I26 a batch has all its codes, open ones while it lasts, and no customer has too many
select batch.id as batch_id, batch.state, batch.count, coalesce(held.codes, 0) as codes, held.open,
       held.most
from voucher_batches batch
left join (select tenant_id, batch_id, sum(codes) as codes, sum(open) as open,
                  max(codes) filter (where customer_id is not null) as most
           from (select tenant_id, batch_id, customer_id, count(*) as codes,
                        count(*) filter (where redeemed_at is null and returned_at is null) as open
                 from vouchers group by tenant_id, batch_id, customer_id) as by_customer
           group by tenant_id, batch_id) as held
    on (held.tenant_id, held.batch_id) = (batch.tenant_id, batch.id)
where batch.count <> coalesce(held.codes, 0)
   or (batch.state in ('VOIDED', 'ENDED') and held.open > 0)
   or held.most > batch.most_per_customer
limit 20;
