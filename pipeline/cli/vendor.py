"""``vendor``: the Plotly bundle that the site serves."""

import click

from pipeline.report.vendor import vendor as install_bundle


@click.command()
def vendor() -> None:
    """Install the Plotly bundle that the site serves.

    npm brings the small one, checked against the hash in package-lock.json; without npm the full one
    comes out of the plotly wheel.
    """
    click.echo(install_bundle())
