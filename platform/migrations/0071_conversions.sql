-- What an affiliate's orders are listed by.

create index attributions_noted on attributions (affiliate_id, noted_at, order_id)
    where noted_at is not null;
