"""The servers that `fasttrack serve` is compared with, each written as its own documentation recommends."""
