-- A parent's cap on what its child adds is the platform's at most: so that one is kept for itself.
-- Until now an operator's word and a parent's were one column; whatever stands there holds.
alter table tenants add column platform_markup_cap_bp integer
    check (platform_markup_cap_bp between 0 and 1000000);
alter table tenants no force row level security;
update tenants set platform_markup_cap_bp = max_markup_bp where max_markup_bp is not null;
alter table tenants force row level security;
