"""What others than the buyer have put into a line's shares: columns of the statements that read it.

The line is `line`; each row is a `records.Funding`.
"""

from typing import Final

OF_DISCOUNTS: Final = """
case when line.funded_minor > 0 then
    (select array_agg(row(given.id, given.funder_kind, given.funder_id, given.amount_minor::bigint,
                          given.returned_minor::bigint) order by given.id)
     from discount_lines given
     where given.order_id = line.order_id and given.line_id = line.id
       and given.funder_kind <> 'SHOP') end as fundings
"""
"""Who bears the discounts of a line beside the shop, as far as anybody does: of any line."""

OF_ALL: Final = """
(select array_agg(row(given.id, given.kind, given.party_id, given.minor, given.returned_minor)
                  order by given.id)
 from (select given.id, given.funder_kind::text as kind, given.funder_id as party_id,
              given.amount_minor::bigint as minor, given.returned_minor::bigint as returned_minor
       from discount_lines given
       where line.funded_minor > 0 and given.order_id = line.order_id and given.line_id = line.id
         and given.funder_kind <> 'SHOP'
       union all
       select cover.id, 'REPLACEMENT', cover.supplier_id, cover.cover_minor::bigint,
              cover.cover_returned_minor::bigint
       from key_replacements cover
       where cover.order_id = line.order_id and cover.line_id = line.id
         and cover.cover_minor > 0) as given) as fundings
"""
"""The same, with what suppliers of bad keys have covered: of what may have been delivered."""
