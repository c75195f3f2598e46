"""Ways in which a real archive may differ from what is assumed, one at a time.

Each is a change of a test archive before it serves, and names the one check that must notice.
"""

import json
import re
from datetime import datetime, timedelta

from tests.archive.server import CALSELECTOR, DATA, DATALINK, GAIA, LOGIN, TAP

DEVIATIONS = {}


def deviation(check):
    """Register a change under its own name, with the check that must notice it."""

    def register(change):
        DEVIATIONS[change.__name__.replace("_", " ")] = check, change
        return change

    return register


def raw(archive, key, change, kind=""):
    """Change a column of the raw frames."""
    for row in archive.world.rows.values():
        if not kind or row["dp_type"] == kind:
            row[key] = change(row)


def altered(archive, prefix, change):
    """Change what a service sends: ``change`` takes and returns status, headers, body."""

    def alter(path, status, headers, body):
        return change(status, headers, body) if path.startswith(prefix) else (status, headers, body)

    archive.alter = alter


@deviation("catalogue")
def the_catalogue_sends_a_page(archive):
    page = b"<!doctype html><html><body>maintenance</body></html>"
    altered(archive, TAP, lambda *_: (200, {"Content-Type": "text/html"}, page))


@deviation("raw columns")
def a_column_has_another_name(archive):
    archive.unlisted = ("tpl_start",)


@deviation("standards")
def standards_have_another_type(archive):
    raw(archive, "dp_type", lambda _: "STD,FLUX", "STD")


@deviation("instrument modes")
def modes_are_spelt_otherwise(archive):
    raw(archive, "ins_mode", lambda row: row["ins_mode"].replace("WFM-", "WIDE-"))


@deviation("identities")
def identities_carry_a_suffix(archive):
    raw(archive, "dp_id", lambda row: row["dp_id"] + ".fits")


@deviation("start times")
def starts_are_local_time(archive):
    def local(row):
        start = datetime.fromisoformat(row["exp_start"].removesuffix("Z"))
        return (start - timedelta(hours=4)).isoformat(timespec="milliseconds") + "Z"

    raw(archive, "exp_start", local)


@deviation("start times")
def starts_are_numbers(archive):
    raw(archive, "exp_start", lambda _: "2019-03-09 and a bit", "STD")


@deviation("release dates")
def release_dates_are_written_out(archive):
    raw(archive, "release_date", lambda _: "10 Mar 2020")


@deviation("positions")
def standards_have_no_position(archive):
    raw(archive, "ra", lambda _: None, "STD")


@deviation("cone by region")
def regions_cannot_be_queried(archive):
    archive.refuse = "INTERSECTS"


@deviation("cone by position")
def positions_cannot_be_queried(archive):
    archive.refuse = "POINT('', ra, dec)"


@deviation("cones")
def a_region_lies_elsewhere(archive):
    name = sorted(name for name, row in archive.world.rows.items() if row["dp_type"] == "STD")[-1]
    archive.world.rows[name]["s_region"] = "POSITION J2000 10.0 -20.0"


@deviation("row limit")
def a_table_is_cut_off_silently(archive):
    overflow = b'<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
    altered(archive, TAP, lambda s, h, body: (s, h, body.replace(overflow, b"")))


@deviation("product columns")
def reduced_data_lack_a_column(archive):
    archive.unlisted = ("t_exptime",)


@deviation("products")
def the_collection_has_another_name(archive):
    for row in archive.world.products.values():
        row["obs_collection"] = "MUSE_STANDARDS"


@deviation("product times")
def times_of_products_are_julian_dates(archive):
    for row in archive.world.products.values():
        row["t_min"] += 2_400_000.5


@deviation("product times")
def times_of_products_are_those_of_the_end(archive):
    for row in archive.world.products.values():
        row["t_min"] += 0.01


@deviation("exposures of a night")
def science_exposures_have_another_type(archive):
    raw(archive, "dp_type", lambda _: "OBJECT,SKY", "OBJECT")


@deviation("trees")
def trees_come_as_tables(archive):
    altered(archive, CALSELECTOR, lambda s, h, _: (s, h, b"<VOTABLE><RESOURCE/></VOTABLE>"))


@deviation("trees")
def trees_are_not_sent_by_post(archive):
    altered(archive, CALSELECTOR, lambda *_: (405, {"Allow": "GET"}, b""))


@deviation("tree mode")
def trees_hold_master_calibrations(archive):
    change = (b'mode="Raw2Raw"', b'mode="Raw2Master"')
    altered(archive, CALSELECTOR, lambda s, h, body: (s, h, body.replace(*change)))


@deviation("tree flags")
def trees_do_not_say_what_is_certified(archive):
    def change(status, headers, body):
        return status, headers, re.sub(rb'certified="\w+" ', b"", body)

    altered(archive, CALSELECTOR, change)


@deviation("tree categories")
def files_of_trees_have_other_tags(archive):
    change = (b'<file category="SKYFLAT"', b'<file category="SKY_FLAT"')
    altered(archive, CALSELECTOR, lambda s, h, body: (s, h, body.replace(*change)))


@deviation("tree of a standard")
def a_standards_own_tree_is_an_error(archive):
    def change(status, headers, body):
        return (404, headers, b"") if b"not supported" in body else (status, headers, body)

    altered(archive, CALSELECTOR, change)


@deviation("public files")
def static_calibrations_need_a_login(archive):
    archive.world.proprietary |= archive.world.static_names()


@deviation("sizes of files")
def the_size_of_a_file_is_not_said(archive):
    archive.chunked = True


@deviation("checksums")
def files_carry_no_checksums(archive):
    def change(status, headers, body):
        return status, headers, body.replace(b"CHECKSUM=", b"CHECKSIM=").replace(
            b"DATASUM =", b"DATASIM ="
        )  # fmt: skip

    altered(archive, DATA, change)


@deviation("validators")
def files_have_no_validator(archive):
    def change(status, headers, body):
        return status, {k: v for k, v in headers.items() if k != "ETag"}, body

    altered(archive, DATA, change)


@deviation("ranges")
def the_rest_of_a_file_cannot_be_had(archive):
    archive.no_range = True


@deviation("names in headers")
def raw_frames_do_not_say_their_name(archive):
    def change(status, headers, body):
        return status, headers, body.replace(b"ARCFILE = 'MUSE.", b"ARCFILE = 'muse_")

    altered(archive, DATA, change)


@deviation("estimated sizes")
def sizes_are_in_bytes(archive):
    raw(archive, "access_estsize", lambda row: row["access_estsize"] * 1000)


@deviation("datalink")
def datalink_sends_a_page(archive):
    altered(archive, DATALINK, lambda *_: (200, {"Content-Type": "text/html"}, b"<p>links"))


@deviation("login")
def the_login_takes_only_get(archive):
    archive.login_takes = ("GET",)


@deviation("login")
def the_login_sends_a_page(archive):
    page = json.dumps({"note": "no"}).encode()
    altered(archive, LOGIN, lambda *_: (200, {"Content-Type": "text/html"}, page))


@deviation("Gaia")
def gaia_lacks_a_column(archive):
    archive.unlisted = ("phot_variable_flag",)


@deviation("Gaia")
def gaia_is_down(archive):
    altered(archive, GAIA, lambda *_: (404, {}, b"gone"))
