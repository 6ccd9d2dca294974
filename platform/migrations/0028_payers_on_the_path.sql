-- A shop that has moved takes its coupons along, but not the tenants that paid for them: whoever does
-- not stand above it any more has nothing of its sales (docs/decisions/0043).

create function payers_stand(named_coupon uuid, shop_path uuid[]) returns boolean
language sql stable as $$
    select not exists (select from coupon_payers
                       where coupon_id = named_coupon and kind = 'TENANT'
                         and party_id <> all (shop_path))
$$;

create or replace function coupon_refusal(
    named_coupon uuid, named_code uuid, shop uuid, shop_path uuid[], first_of uuid, moment timestamptz
) returns text language plpgsql volatile as $$
begin
    return case
        when not exists (
                 select from coupons join coupon_codes on coupon_codes.coupon_id = coupons.id
                 where coupons.id = named_coupon and coupon_codes.id = named_code and status = 'ACTIVE'
                   and starts_at <= moment and ends_at > moment
                   and coupons.tenant_id = any (shop_path)
                   and (reach = 'SUBTREE' or coupons.tenant_id = shop))
             or not payers_stand(named_coupon, shop_path)
            then 'ENDED'
        when first_of is not null and exists (
                 select from orders where tenant_id = shop and customer_id = first_of
                                      and payment_status = 'PAID')
            then 'NOT_FIRST'
    end;
end $$;
