-- What a shop called the goods when it sold them, where it did not use their own names.

alter table order_lines add column title text check (length(title) between 1 and 200);
grant select (title) on order_lines to kameng_shop;
