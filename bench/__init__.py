"""Claims with numbers: `make bench`. One script a claim or a family of them; what they share is in harness.py."""
