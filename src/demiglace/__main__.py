"""`python -m demiglace` is `demiglace`."""

from demiglace.cli.main import app

if __name__ == "__main__":
    app()
