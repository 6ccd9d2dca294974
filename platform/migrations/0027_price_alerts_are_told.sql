-- Whose price is hidden hears of it by webhook, and hears when it is whole again: the event type
-- stood there, and nobody told it (docs/decisions/0044).

create function tell_of_price_alert() returns trigger language plpgsql as $$
begin
    perform tell_tenant(
        new.tenant_id, 'price.alert', 'price', new.id, null,
        jsonb_build_object(
            'open', new.closed_at is null, 'guard', new.guard, 'skuId', new.sku_id,
            'childId', nullif(new.shop_id, new.tenant_id)));
    return null;
end $$;
create trigger tell_of_price_alert after insert on price_alerts
    for each row execute function tell_of_price_alert();
create trigger tell_of_another_price_alert after update on price_alerts
    for each row when ((old.closed_at, old.guard) is distinct from (new.closed_at, new.guard))
    execute function tell_of_price_alert();
