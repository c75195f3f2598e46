"""The assumptions about association trees, files, login and Gaia, one check each."""

import tempfile
from pathlib import Path

from astropy.io import fits

from pipeline.archive.assembly import STATIC_PREFIX
from pipeline.archive.auth import login_form, takes_only_get
from pipeline.archive.contact import Contact, DifferenceError, checks_of
from pipeline.archive.gaia import COLUMNS as GAIA_COLUMNS
from pipeline.archive.gaia import gaia_adql
from pipeline.archive.gaia_tap import query_gaia
from pipeline.archive.observations import KILOBYTE, numbers, texts
from pipeline.archive.service import RAW_MODE
from pipeline.archive.uncompress import is_compressed, uncompress
from pipeline.archive.verify import verify_fits
from pipeline.http import HttpResponse
from pipeline.muse.association import MAX_BYTES, AssociationTree, check_xml, parse_tree

HEAD_BYTES = 2880 * 40  # of a raw frame; its primary header has some 100 kB
MAX_FILE_BYTES = 50_000_000  # of a static table
SIZE_FACTOR = 2.0  # an estimate may be off by as much
TAGS = ("STD", "BIAS", "FLAT", "ARC", "SKYFLAT")
SMALL = ("EXTINCT_TABLE", "LINE_CATALOG", "STD_FLUX_TABLE", "FILTER_LIST", "BADPIX_TABLE")

CHECKS, _check = checks_of()


def _require(condition: bool, seen: str) -> None:
    if not condition:
        raise DifferenceError(seen)


def _tree(contact: Contact, dp_id: str) -> HttpResponse:
    url = contact.settings.calselector_url
    form = {"dp_id": dp_id, "mode": RAW_MODE}
    response = contact.client.request("POST", url, data=form, max_bytes=MAX_BYTES)
    _require(response.status == 200, f"HTTP {response.status} for {dp_id}")
    return response


@_check("trees", "CalSelector sends the tree of a science exposure as XML", "exposures of a night")
def _trees(contact: Contact) -> str:
    science = contact.facts["science"]
    response = _tree(contact, science)
    tree = parse_tree(response.body)
    _require(science in [file.name for file in tree.root.files], f"not that of {science}")
    contact.facts["tree"], contact.facts["tree text"] = tree, response.body
    return f"{len(tree.root.all_files())} files"


@_check("tree mode", "the tree comes in the mode that was asked for, Raw2Raw", "trees")
def _tree_mode(contact: Contact) -> str:
    mode: str = contact.facts["tree"].mode
    _require(mode.lower() == RAW_MODE.lower(), repr(mode))
    return mode


@_check("tree flags", "each group says whether it is complete and certified", "trees")
def _tree_flags(contact: Contact) -> str:
    text: bytes = contact.facts["tree text"]
    n_groups = text.count(b"<association ")
    for flag in (b"complete=", b"certified="):
        found = text.count(flag)
        _require(found == n_groups, f"{flag.decode()} in {found} of {n_groups} groups")
    return f"{n_groups} groups"


@_check("tree categories", f"a standard's group holds {', '.join(TAGS)}", "trees")
def _tree_categories(contact: Contact) -> str:
    tree: AssociationTree = contact.facts["tree"]
    tags = {file.category for group in tree.standards() for file in group.all_files()}
    _require(set(TAGS) <= tags, f"holds {', '.join(sorted(tags)) or 'no standard'}")
    return ", ".join(sorted(tags))


@_check("tree of a standard", "a standard's own tree is sent, or refused in a tree", "trees")
def _tree_of_a_standard(contact: Contact) -> str:
    tree = parse_tree(_tree(contact, contact.facts["standard"]).body)
    if tree.standards():
        return f"sent, {len(tree.root.all_files())} files"
    said = "; ".join(text for group in tree.root.walk() for text in group.messages)
    return f"refused: {said[:200] or 'without a message'}"


def _file(contact: Contact, name: str, headers: dict[str, str], max_bytes: int) -> HttpResponse:
    url = contact.settings.data_url.rstrip("/") + "/" + name
    return contact.client.request("GET", url, headers=headers, max_bytes=max_bytes)


@_check("public files", "a static calibration comes without a login", "trees")
def _public_files(contact: Contact) -> str:
    tree: AssociationTree = contact.facts["tree"]
    statics = [file for file in tree.root.all_files() if file.name.startswith(STATIC_PREFIX)]
    _require(bool(statics), "the tree names none")
    order = {tag: number for number, tag in enumerate(SMALL)}
    static = min(statics, key=lambda one: (order.get(one.category, len(order)), one.name))
    response = _file(contact, static.name, {}, MAX_FILE_BYTES)
    _require(response.status == 200, f"HTTP {response.status} for {static.name}")
    contact.facts["static"], contact.facts["file"] = static.name, response
    return f"{static.name}, {len(response.body)} bytes"


@_check("sizes of files", "Content-Length says the size of a file", "public files")
def _content_length(contact: Contact) -> str:
    response: HttpResponse = contact.facts["file"]
    length = response.headers.get("content-length", "")
    _require(length == str(len(response.body)), f"{length or 'none'} for {len(response.body)}")
    return length


@_check("checksums", "a file is intact FITS with CHECKSUM and DATASUM", "public files")
def _checksums(contact: Contact) -> str:
    body: bytes = contact.facts["file"].body
    compressed = is_compressed(body)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(uncompress(body) if compressed else body)
        verified = verify_fits(path, contact.facts["static"])
    _require(verified.n_checksums > 0, f"{verified.n_hdus} extensions without checksums")
    _require(not verified.notes, "; ".join(verified.notes))
    return f"{verified.n_checksums} in {verified.n_hdus} extensions" + (
        ", came compressed" if compressed else ""
    )


@_check("validators", "a file has an ETag or a date of its last change", "public files")
def _validators(contact: Contact) -> str:
    headers = contact.facts["file"].headers
    tag = headers.get("etag", "")
    validator = tag if tag and not tag.startswith("W/") else headers.get("last-modified", "")
    _require(bool(validator), f"ETag = {tag or 'none'}, no Last-Modified")
    contact.facts["validator"] = validator
    return str(validator)


@_check("ranges", "the rest of a file comes alone (Range with If-Range)", "validators")
def _ranges(contact: Contact) -> str:
    whole: bytes = contact.facts["file"].body
    first = len(whole) // 2
    headers = {"Range": f"bytes={first}-", "If-Range": contact.facts["validator"]}
    response = _file(contact, contact.facts["static"], headers, MAX_FILE_BYTES)
    _require(response.status == 206, f"HTTP {response.status} instead of 206")
    _require(response.body == whole[first:], "another part than was asked for")
    return response.headers.get("content-range", "")


@_check("names in headers", "ARCFILE in the header of a raw frame is its identity", "ranges")
def _arcfile(contact: Contact) -> str:
    name: str = contact.facts["standard"]
    headers = {"Range": f"bytes=0-{HEAD_BYTES - 1}"}
    response = _file(contact, name, headers, HEAD_BYTES)
    _require(response.status == 206, f"HTTP {response.status} for the first bytes of {name}")
    contact.facts["raw range"] = response.headers.get("content-range", "")
    text = response.body.decode("latin-1")
    cards = [text[start : start + 80] for start in range(0, len(text), 80)]
    end = next((n for n, card in enumerate(cards) if card.rstrip() == "END"), len(cards))
    header = fits.Header.fromstring("".join(cards[:end]))
    arcfile = str(header.get("ARCFILE", ""))
    _require(arcfile.startswith(name), f"ARCFILE = {arcfile!r} for {name}")
    return arcfile


@_check("estimated sizes", "access_estsize is in kB", "names in headers")
def _estimates(contact: Contact) -> str:
    table = contact.facts["standards"]
    row = texts(table, "dp_id").index(contact.facts["standard"])
    stated = float(numbers(table, "access_estsize")[row]) * KILOBYTE
    size = float(contact.facts["raw range"].rpartition("/")[2])
    seen = f"{stated:g} bytes estimated, {size:g} real"
    _require(size / SIZE_FACTOR <= stated <= size * SIZE_FACTOR, seen)
    return seen


@_check("datalink", "datalink_url of a raw frame leads to a VOTable that names it", "standards")
def _datalink(contact: Contact) -> str:
    url = texts(contact.facts["standards"], "datalink_url")[0]
    local = contact.settings.tap_url.startswith("http://")
    _require(url.startswith("https://") or (local and url.startswith("http://")), repr(url[:100]))
    response = contact.client.request("GET", url, max_bytes=MAX_BYTES)
    _require(response.status == 200, f"HTTP {response.status}")
    check_xml(response.body)
    _require(b"#this" in response.body, "without a row #this")
    return f"{response.body.count(b'<TR>')} rows"


@_check("login", "the login takes POST and refuses in JSON what is incomplete")
def _login(contact: Contact) -> str:
    response = contact.client.request(
        "POST", contact.settings.login_url, data=login_form(), max_bytes=MAX_BYTES, follow=False
    )
    _require(not takes_only_get(response), f"HTTP {response.status}: it takes GET only")
    kind = response.headers.get("content-type", "none")
    refused = response.status in (400, 401) and "json" in kind
    _require(refused, f"HTTP {response.status}, Content-Type {kind}")
    return f"HTTP {response.status}"


@_check("Gaia", "Gaia's archive answers a query with the columns that are used")
def _gaia(contact: Contact) -> str:
    _require(bool(contact.settings.gaia_url), 'archive.gaia_url is ""')
    adql = gaia_adql(contact.field, max_sources=3)
    url = contact.settings.gaia_url
    table = query_gaia(contact.client, url, adql, lambda *_: None, max_rows=4)  # type: ignore[arg-type]
    lacking = sorted(set(GAIA_COLUMNS) - set(table.colnames))
    _require(not lacking, f"lacks {', '.join(lacking)}")
    return f"{len(table)} sources"
