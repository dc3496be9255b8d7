"""`make bench`: every claim that this machine can measure, in one table."""

import sys
from importlib import import_module

from bench.harness import Claim, machine, print_table

SCRIPTS = ("limits",)


def main() -> int:
    claims: list[Claim] = []
    for name in SCRIPTS:
        print(f"{name} ...", flush=True)
        claims += import_module(f"bench.{name}").main()
    print(f"\n{machine()}\n")
    print_table(claims)
    return 0 if all(claim.met for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main())
