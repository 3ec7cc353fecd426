"""`python -m bitrun` is the `bitrun` command."""

from bitrun.cli.app import main

if __name__ == "__main__":
    main()
