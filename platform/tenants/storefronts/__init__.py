"""What a shop says of itself and looks like: strangers write it, other people's browsers show it.

Nothing here is HTML or CSS. Texts are plain, with one mark for links; pictures are addresses that
we never fetch; colours are six digits that can be read on what they stand on.
"""
