"""What a cart becomes when something is put in, changed or taken over: pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from offers.quotes import MAX_LINES, MAX_QUANTITY, Wish

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CartWish:
    """What is put in: a wish, and what the buyer says for it; None leaves that as it is."""

    wish: Wish
    form: Values | None = None


@dataclass(frozen=True, slots=True)
class LineChange:
    """What becomes of a line: another quantity, other words, or both."""

    line_id: UUID
    quantity: int | None = None
    form: Values | None = None


@dataclass(frozen=True, slots=True)
class CartLine:
    """One line as it is stored. The price is that of a piece when the buyer last touched it."""

    id: UUID
    slot: int
    sku_id: UUID
    offer_id: UUID | None
    quantity: int
    seen_price_minor: int | None = None
    form: Values = field(default_factory=dict)
    delivery_mode: str | None = None

    @property
    def wish(self) -> Wish:
        """What a price is asked for."""
        return Wish(self.sku_id, self.quantity, self.offer_id, self.delivery_mode)

    @property
    def goods(self) -> tuple[UUID, UUID | None, str | None]:
        """What stands in a cart once: a SKU of one offer, or of any, delivered in one way."""
        return self.sku_id, self.offer_id, self.delivery_mode


def with_added(lines: Sequence[CartLine], wishes: Sequence[CartWish]) -> list[CartLine]:
    """The lines that are new or have changed once the wishes are in.

    The same goods add up. Raises `Invalid` for a 21st line and for more than 500 pieces of one.
    """
    _require_some(wishes)
    standing = {line.goods: line for line in lines}
    touched: dict[UUID, CartLine] = {}
    for one in wishes:
        wish = one.wish
        known = standing.get((wish.sku_id, wish.offer_id, wish.delivery_mode))
        if known is None:
            slot = _free_slot(standing.values())
            line = CartLine(
                new_id(),
                slot,
                wish.sku_id,
                wish.offer_id,
                wish.quantity,
                delivery_mode=wish.delivery_mode,
            )
        else:
            line = replace(known, quantity=known.quantity + wish.quantity)
        _require_pieces(wish.quantity, line.quantity)
        line = replace(line, form=line.form if one.form is None else one.form)
        touched[line.id] = standing[line.goods] = line
    return list(touched.values())


def with_changes(lines: Sequence[CartLine], changes: Sequence[LineChange]) -> list[CartLine]:
    """The lines that the changes touch, changed. Raises `NotFound` for a line of another cart."""
    _require_some(changes)
    standing = {line.id: line for line in lines}
    touched: dict[UUID, CartLine] = {}
    for change in changes:
        line = standing.get(change.line_id)
        if line is None:
            raise NotFound("There is no such line in this cart.", field="cartLineId")
        quantity = line.quantity if change.quantity is None else change.quantity
        _require_pieces(quantity)
        form = line.form if change.form is None else change.form
        line = replace(line, quantity=quantity, form=form)
        touched[line.id] = standing[line.id] = line
    return list(touched.values())


def taken_over(own: Sequence[CartLine], guests: Sequence[CartLine]) -> list[CartLine]:
    """The lines of a customer's cart that are new or larger with what the guest had put in.

    What has no room stays behind: nobody is kept from signing in by a full cart.
    """
    standing = {line.goods: line for line in own}
    touched: dict[UUID, CartLine] = {}
    for line in guests:
        known = standing.get(line.goods)
        if known is not None:
            quantity = min(known.quantity + line.quantity, MAX_QUANTITY)
            line = replace(line, id=known.id, slot=known.slot, quantity=quantity)
        elif len(standing) < MAX_LINES:
            line = replace(line, id=new_id(), slot=_free_slot(standing.values()))
        else:
            continue
        touched[line.id] = standing[line.goods] = line
    return list(touched.values())


def _free_slot(lines: Collection[CartLine]) -> int:
    taken = {line.slot for line in lines}
    free = next((slot for slot in range(1, MAX_LINES + 1) if slot not in taken), None)
    if free is None:
        raise Invalid(f"A cart has at most {MAX_LINES} lines.", field="lines")
    return free


def _require_pieces(*quantities: int) -> None:
    if not all(1 <= quantity <= MAX_QUANTITY for quantity in quantities):
        raise Invalid(f"A line has 1 to {MAX_QUANTITY} pieces.", field="quantity")


def _require_some(wanted: Sequence[object]) -> None:
    if not 1 <= len(wanted) <= MAX_LINES:
        raise Invalid(f"One to {MAX_LINES} lines at once.", field="lines")
