-- More ways to pay (docs/decisions/0071): UnionPay, instalments that the channel finances,
-- stablecoins; and on a page of the channel's, where a buyer wants it there.

alter domain payment_method drop constraint payment_method_check;
alter domain payment_method add constraint payment_method_check
    check (value in ('WALLET', 'TRADE', 'CARD', 'ALIPAY', 'WECHAT_PAY', 'BANK_TRANSFER',
                     'UNIONPAY', 'KLARNA', 'AFFIRM', 'AFTERPAY', 'STABLECOIN'));

-- What was chosen for a payment beside its method, so that the channel is asked the same again.
-- A payment as its method is made by itself has no row: an ordinary sale writes none.
create table payment_choices (
    payment_id uuid primary key references payments (id),
    tenant_id uuid not null references tenants (id),
    mode text not null check (mode in ('ELEMENTS', 'HOSTED'))
);
call fence_tenant_table('payment_choices');
grant select, insert on payment_choices to kameng_core;
