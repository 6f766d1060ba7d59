"""Text that people wrote is no formula where a spreadsheet opens our CSV (CWE-1236)."""

import pytest

from mailcore.services.accounts.sunset import escape_formula


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"])  # noqa: RUF001
def test_a_cell_is_no_formula(cell):
    assert escape_formula(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ola", "a=b", "1", " x"])
def test_other_cells_stay(cell):
    assert escape_formula(cell) == cell
