"""Publish finished sites as immutable versions in a git branch, and ask what is published.

The branch is a local one: fetch it before, push it after. One commit publishes a version with its
aliases and everything at the root; a deploy that was interrupted is repeated.
"""

import argparse
import sys
from pathlib import Path

from pipeline.cli.options import guarded
from pipeline.versions.branch import Branch
from pipeline.versions.demo import demo
from pipeline.versions.deploy import deploy, previous_report
from pipeline.versions.site import LIMIT_MB, read_site
from pipeline.workflow.progress import say

EXAMPLE = """example, for version v2026.12 at https://example.org/report/v2026.12/:
  git fetch origin gh-pages
  python -m pipeline.versions previous --before v2026.12 work/previous.json
  python build_report.py --version-label v2026.12 --site-url https://example.org/report/ \\
      --previous work/previous.json
  python -m pipeline.versions check site
  python -m pipeline.versions deploy site
  git push origin gh-pages
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.versions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLE,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    where, size = _branch_options(), _size_option()
    add = commands.add_parser("deploy", parents=[where, size], help="publish a finished site")
    add.add_argument("site", type=Path, metavar="SITE", help="folder that build_report.py made")
    add.add_argument(
        "--not-stable", action="store_true", help="leave the alias `stable` where it is"
    )
    add.add_argument(
        "--moved",
        action="store_true",
        help="all versions are served at another address from now on",
    )
    check = commands.add_parser(
        "check", parents=[size], help="say whether a finished site may be published"
    )
    check.add_argument("site", type=Path, metavar="SITE", help="folder that build_report.py made")
    before = commands.add_parser(
        "previous", parents=[where], help="write the report.json of the version before"
    )
    before.add_argument("--before", default="", metavar="LABEL", help="of this version")
    before.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="for build_report.py --previous; left empty if there is no version before",
    )
    commands.add_parser("list", parents=[where], help="list the published versions")
    out = commands.add_parser(
        "export", parents=[where], help="write all that is published as files"
    )
    out.add_argument("folder", type=Path, metavar="DIR", help="a folder to write into")
    show = commands.add_parser(
        "demo", help="two small versions in a repository of their own, served"
    )
    show.add_argument(
        "--folder",
        type=Path,
        default=Path("work/publish-demo"),
        metavar="DIR",
        help="emptied, then filled (default: work/publish-demo)",
    )
    show.add_argument("--port", type=int, default=8000, help="on 127.0.0.1 (default: 8000)")
    show.add_argument("--no-serve", action="store_true", help="stop when both are published")
    return parser.parse_args(arguments)


def _size_option() -> argparse.ArgumentParser:
    size = argparse.ArgumentParser(add_help=False)
    size.add_argument(
        "--limit-mb",
        type=float,
        default=LIMIT_MB,
        metavar="MB",
        help=f"largest size of a version (default: {LIMIT_MB:g}; GitHub Pages serves 1 GB in all)",
    )
    return size


def _branch_options() -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--repository",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="of the branch (default: the current folder)",
    )
    where.add_argument(
        "--branch", default="gh-pages", metavar="NAME", help="branch (default: gh-pages)"
    )
    where.add_argument(
        "--remote",
        default="origin",
        metavar="NAME",
        help="begin from what was fetched from it, if that is ahead (default: origin)",
    )
    return where


def run(options: argparse.Namespace) -> int:
    """Carry out one command."""
    if options.command == "check":
        site = read_site(options.site, options.limit_mb)
        size = f"{site.n_bytes / 1e6:.2f} of {options.limit_mb:g} MB"
        say(f"{options.site}: {site.label} for {site.url}, {len(site.files)} files, {size}")
        return 0
    if options.command == "demo":
        demo(options.folder, options.port, serve=not options.no_serve)
        return 0
    branch = Branch(options.repository.absolute(), options.branch)
    branch.follow(options.remote)
    if options.command == "deploy":
        stable, limit_mb = not options.not_stable, options.limit_mb
        say(deploy(options.site, branch, stable=stable, moved=options.moved, limit_mb=limit_mb))
    elif options.command == "previous":
        label, report = previous_report(branch, options.before)
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_bytes(report)
        say(f"{options.file}: {label or 'no version before, left empty'}")
    elif options.command == "export":
        branch.export(options.folder)
        say(f"{branch.name} is in {options.folder}")
    else:
        for info in branch.versions(branch.listing()):
            print(info.version, *sorted(info.aliases))
    return 0


if __name__ == "__main__":
    options = parse(sys.argv[1:])
    sys.exit(guarded(lambda: run(options)))
