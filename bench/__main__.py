"""`make bench`: every claim that this machine can measure, in one table."""

from importlib import import_module

from bench.harness import Claim, machine, print_table

SCRIPTS = ("limits", "usage", "registry")


def main() -> None:
    claims: list[Claim] = []
    for name in SCRIPTS:
        print(f"{name} ...", flush=True)
        claims += import_module(f"bench.{name}").main()
    print(f"\n{machine()}\n")
    print_table(claims)


if __name__ == "__main__":
    main()
