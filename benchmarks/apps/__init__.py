"""The servers that `fasttrack serve` is compared with, each written the way its own documentation writes it."""
