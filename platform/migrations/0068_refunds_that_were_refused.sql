-- What a channel refuses to give back is given in another way, once, by an operator.
alter table refunds
    add column given_as text check (given_as in ('WALLET', 'BANK')),
    add column given_by text check (length(given_by) between 1 and 200),
    add constraint refunds_given_check
        check (num_nulls(given_as, given_by) <> 1 and (given_as is null or status = 'DONE'));
create index refunds_refused on refunds (id) where status = 'FAILED';
