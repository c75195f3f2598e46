"""Tables between two steps are read back as they were written."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable

from pipeline.schema import make_table
from pipeline.tasks.fits_products import read_truth, write_truth
from pipeline.tasks.kept_tables import read_kept, write_kept


def table():
    found = QTable(meta={"table": "any", "range": (1, 2), "nested": {"list": [(0.5, "a")], "n": 3}})
    found["name"] = ["", "Å", "c"]
    found["x"] = [1.5, np.nan, -np.inf] * u.pix
    found["flag"] = [True, False, True]
    found["n"] = MaskedColumn([1, 2, 3], mask=[False, True, False])
    found["x"].info.description = "a position"
    found["x"].info.meta = {"ucd": "pos.cartesian.x"}
    return found


def test_a_table_comes_back_with_units_masks_descriptions_and_meta(tmp_path):
    before = table()
    write_kept(tmp_path / "a.npz", before)
    after = read_kept(tmp_path / "a.npz")
    assert after.colnames == before.colnames
    assert after.meta == before.meta
    assert after["name"].tolist() == before["name"].tolist()
    np.testing.assert_array_equal(after["x"].value, before["x"].value)
    assert after["x"].unit == u.pix
    assert after["x"].info.description == "a position"
    assert after["x"].info.meta == {"ucd": "pos.cartesian.x"}
    assert after["flag"].dtype == bool
    assert after["n"].mask.tolist() == [False, True, False]
    assert type(after["flag"]) is type(before["flag"])


def test_the_bytes_of_a_kept_table_depend_on_its_content_alone(tmp_path):
    for name in ("a", "b"):
        write_kept(tmp_path / f"{name}.npz", table())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_an_empty_table_comes_back_with_its_columns(tmp_path):
    write_kept(tmp_path / "a.npz", table()[:0])
    assert read_kept(tmp_path / "a.npz").colnames == table().colnames


def test_a_column_of_objects_is_refused(tmp_path):
    found = QTable({"any": np.array([{}, None], dtype=object)})
    with pytest.raises(ValueError, match="column 'any' is of type object"):
        write_kept(tmp_path / "a.npz", found)


def test_true_fluxes_of_exposures_come_back_as_one_table(tmp_path):
    numbers = ("flux", "flux_err", "response", "sky", "own", "coverage")
    parts = []
    for index, name in enumerate(("MUSE.A", "MUSE.LONGER")):
        columns = {"exposure_id": [name] * 2, "star_id": [1, 2], "band": ["I_Bessel"] * 2}
        columns |= {"radius_px": [1.5, 2.5]}
        columns |= {key: [index + 0.1, np.nan] for key in numbers}
        parts.append(make_table("truth_fluxes", columns))
        write_truth(tmp_path / f"{index}.fits", parts[-1])
    found = read_truth([tmp_path / "0.fits", tmp_path / "1.fits"])
    assert found.colnames == parts[0].colnames
    for key in found.colnames:
        wanted = np.concatenate([np.asarray(one[key]) for one in parts])
        np.testing.assert_array_equal(np.asarray(found[key]), wanted)
        assert found[key].unit == parts[0][key].unit
