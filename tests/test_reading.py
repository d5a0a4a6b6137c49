"""Reading: whatever the file, every record is a molecule or is named with a reason."""

import gzip
import lzma
import sys

import numpy as np
import pandas as pd
import pytest
from ase.build import molecule
from ase.io import write
from rdkit import Chem
from rdkit.Chem import AllChem

from skmolal import molecules_from_smiles, read_molecules
from skmolal.molecules._reading import read_records

# A record without SMILES, one that is none, and one without a value.
TEXT = """\
name,smiles,gap,code
water,O,1.5,007
none,,2,1
ethanol,CCO,2.5,002
bad,C1CC,3,3
ammonia,N,NA,4
"""
REASONS = {1: "no SMILES", 3: "cannot be parsed"}


@pytest.fixture
def no_embedding(monkeypatch):
    """Fail where something is embedded before everything is checked."""
    monkeypatch.setattr("skmolal.molecules._conformers.embed", None)


def write_text(path, text, encoding="utf-8"):
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    with opener(path, "wb") as file:
        file.write(text.encode(encoding))


def write_table(path):
    frame = pd.DataFrame(
        {
            "name": ["water", "none", "ethanol", "bad", "ammonia"],
            "smiles": ["O", None, "CCO", "C1CC", "N"],
            "gap": [1.5, 2.0, 2.5, 3.0, None],
            "code": ["007", "1", "002", "3", "4"],
        }
    )
    frame.to_excel(path, index=False) if path.suffix == ".xlsx" else frame.to_parquet(path)


@pytest.mark.parametrize(
    ("name", "separator", "encoding"),
    [
        ("a.csv", ",", "utf-8"),
        ("a.csv", ";", "utf-8-sig"),
        ("a.CSV", "\t", "utf-16"),
        ("a.tsv", "\t", "utf-8"),
        ("a.txt", ";", "utf-8"),
        ("a.csv.gz", ",", "utf-8"),
        ("a.tsv.xz", "\t", "utf-8-sig"),
        ("a.xlsx", None, None),
        ("a.parquet", None, None),
    ],
)
def test_every_kind_of_table_gives_the_same(tmp_path, name, separator, encoding):
    path = tmp_path / name
    if separator is None:
        write_table(path)
    else:
        text = TEXT.replace(",", separator).replace("\n", "\r\n")
        write_text(path, text, encoding)
    found = read_molecules(path, on_error="skip", random_state=0)
    assert [atoms.info for atoms in found.molecules] == [
        {"smiles": "O", "name": "water", "gap": 1.5, "code": "007"},
        {"smiles": "CCO", "name": "ethanol", "gap": 2.5, "code": "002"},
        {"smiles": "N", "name": "ammonia", "code": "4"},
    ]
    assert found.rejected.set_index("record")["reason"].to_dict() == REASONS
    assert found.rejected["name"].tolist() == ["none", "bad"]
    assert list(found.rejected.columns) == ["record", "name", "smiles", "reason"]
    np.testing.assert_array_equal(
        found.molecules[1].positions, molecules_from_smiles(["CCO"], 0)[0].positions
    )
    with pytest.raises(ValueError, match=r"record 1 \(none\): no SMILES; record 3 \('C1CC'\)"):
        read_molecules(path)


def test_decimal_commas_of_spreadsheets_are_numbers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("smiles;gap;note\nO;1,5;a,b\nN;2,0e-1;\n")
    table = read_records(path).table
    assert table["gap"].tolist() == [1.5, 0.2]
    assert table["note"].tolist() == ["a,b", None]


def test_old_encodings_are_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("smiles,ε\nO,1\n".encode())
    assert read_records(path).table["ε"].tolist() == [1]
    path.write_bytes("smiles,gap (\xb5eV)\nO,1\n".encode("latin-1"))
    assert read_records(path).table["gap (µeV)"].tolist() == [1]


def test_a_bad_line_costs_one_record(tmp_path, no_embedding):
    path = tmp_path / "a.csv"
    path.write_text('smiles,gap,gap,\nO,1\nN,1,2,3,4\nC,1,2,,,\n"C",7,8\n')
    records = read_records(path)
    assert list(records.number) == [0, 2, 3]
    assert list(records.table.columns) == ["gap", "gap.1", "column 4"]
    assert records.table["gap.1"].tolist() == [None, 2, 8]
    assert records.rejected["reason"].tolist() == ["cannot be read: 5 fields, the header has 4"]


def test_what_spreadsheets_add_is_left_out(tmp_path, no_embedding):
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nname;smiles;gap, eV;;\na;O;1,5;;\n;;;;\nb;N;2;;\n;;;;\n")
    records = read_records(path)
    assert list(records.table.columns) == ["name", "gap, eV"]
    assert records.table["gap, eV"].tolist() == [1.5, 2.0]
    assert records.number.tolist() == [0, 1]
    assert not records.left_out


@pytest.mark.parametrize(
    ("header", "smiles_column", "found"),
    [
        ("id;SMILES", None, "SMILES"),
        ("id;canonical_smiles", None, "canonical_smiles"),
        ("smiles;canonical_smiles", None, "smiles"),
        ("mol;id", "mol", "mol"),
    ],
)
def test_the_smiles_column_is_found(tmp_path, header, smiles_column, found):
    path = tmp_path / "a.csv"
    row = ";".join("CO" if name == found else "x" for name in header.split(";"))
    path.write_text(f"{header}\n{row}\n")
    records = read_records(path, smiles_column=smiles_column)
    assert records.canonical.tolist() == ["CO"]
    assert found not in records.table


def test_two_columns_that_may_hold_smiles_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a_smiles,b_smiles\nC,C\n")
    with pytest.raises(ValueError, match=r"\['a_smiles', 'b_smiles'\].*--smiles-column"):
        read_records(path)
    write(tmp_path / "a.xyz", molecule("H2O"))
    with pytest.raises(ValueError, match="smiles_column='x' needs a table"):
        read_records(tmp_path / "a.xyz", smiles_column="x")


def test_names_come_from_name_or_id_or_number(tmp_path, no_embedding):
    path = tmp_path / "a.csv"
    path.write_text("Id,NAME,smiles\n5,water,O\n6,,N\n,,C\n")
    assert read_records(path).name.tolist() == ["water", "6", "2"]


def test_smiles_files_have_names(tmp_path):
    path = tmp_path / "a.smi"
    path.write_text("smiles zinc_id\nO water of life\n\n# a comment\nC1CC\nN\tammonia\nC\n")
    found = read_molecules(path, on_error="skip", random_state=0)
    assert [atoms.info.get("name") for atoms in found.molecules] == [
        "water of life",
        "ammonia",
        None,
    ]
    assert found.rejected.to_dict("records") == [
        {"record": 1, "name": "1", "smiles": "C1CC", "reason": "cannot be parsed"}
    ]


@pytest.mark.parametrize("name", ["a.sdf", "a.SDF", "a.sdf.gz", "a.sd.xz"])
def test_sdf_records_keep_coordinates_and_properties(tmp_path, name):
    alanine = "C[C@H](N)C(=O)O"
    with_hydrogens = Chem.AddHs(Chem.MolFromSmiles(alanine))
    AllChem.EmbedMolecule(with_hydrogens, randomSeed=1)
    without = Chem.RemoveHs(with_hydrogens)
    drawing = Chem.MolFromSmiles(alanine)
    AllChem.Compute2DCoords(drawing)
    drawn_hydrogens = Chem.AddHs(Chem.MolFromSmiles("CO"))
    AllChem.Compute2DCoords(drawn_hydrogens)
    zeros = Chem.MolFromSmiles("C[NH3+]")
    planar = Chem.AddHs(Chem.MolFromSmiles("O"))
    planar.AddConformer(Chem.Conformer(3))
    for k, position in enumerate([(0, 0, 0), (0.76, 0.59, 0), (-0.76, 0.59, 0)]):
        planar.GetConformer().SetAtomPosition(k, position)
    mols = [with_hydrogens, without, drawing, drawn_hydrogens, zeros, planar]
    blocks = [Chem.MolToMolBlock(mol) for mol in mols]
    blocks.insert(3, "nonsense\n\n\n  1  0\nM  END\n")
    text = "".join(
        f"{'' if k == 4 else f'title {k}'}{block[block.index(chr(10)) :]}"
        f">  <gap>  (1)\n{k}.5\n\n> <note>\nfirst\nsecond\n\n> <CAS>\n0{k}\n\n$$$$\n"
        for k, block in enumerate(blocks)
    )
    write_text(tmp_path / name, text.replace("\n", "\r\n"))
    found = read_molecules(tmp_path / name, on_error="skip", random_state=0)
    assert found.rejected.to_dict("records") == [
        {"record": 3, "name": "title 3", "smiles": None, "reason": "cannot be parsed"}
    ]
    full, completed, embedded, methanol, cation, water = found.molecules
    np.testing.assert_allclose(
        full.positions, with_hydrogens.GetConformer().GetPositions(), atol=1e-4
    )
    assert full.info == {
        "smiles": Chem.CanonSmiles(alanine),
        "gap": 0.5,
        "note": "first\nsecond",
        "CAS": "00",
        "name": "title 0",
    }
    assert sorted(completed.numbers) == sorted(full.numbers)
    np.testing.assert_allclose(completed.positions[:6], full.positions[:6], atol=1e-4)
    assert np.ptp(embedded.positions, axis=0).min() > 0.5
    assert embedded.info["smiles"] == completed.info["smiles"] == full.info["smiles"]
    assert methanol.get_distance(0, 2) == pytest.approx(1.09, abs=0.03)
    assert "name" not in methanol.info
    assert cation.info["charge"] == 1
    assert len(cation) == 8
    np.testing.assert_allclose(water.positions[1], (0.76, 0.59, 0), atol=1e-4)
    assert read_molecules(tmp_path / name, index="1:3", random_state=0).shape == (2,)


def test_what_ase_reads_is_checked_record_by_record(tmp_path):
    good, broken, described = molecule("H2O"), molecule("CH4"), molecule("CH3OH")
    broken.positions[0, 0] = np.nan
    described.info = {"smiles": "CO", "gap": 2.0, "name": "methanol"}
    write(tmp_path / "a.xyz", [good, broken, described], format="extxyz")
    found = read_molecules(tmp_path / "a.xyz", on_error="skip")
    assert [len(atoms) for atoms in found.molecules] == [3, 6]
    assert found.molecules[1].info == described.info
    assert found.rejected[["record", "reason"]].to_numpy().tolist() == [
        [1, "coordinates are not finite"]
    ]
    records = read_records(tmp_path / "a.xyz", "-1:")
    assert records.canonical.tolist() == ["CO"]
    assert records.number.tolist() == [2]
    assert records.name.tolist() == ["methanol"]
    assert read_records(tmp_path / "a.xyz", "::2").number.tolist() == [0, 2]
    write(tmp_path / "a.xyz.gz", [good, described], format="extxyz")
    assert read_molecules(tmp_path / "a.xyz.gz").shape == (2,)


@pytest.mark.parametrize("name", ["a.db", "a.json"])
def test_the_keys_of_a_database_are_properties(tmp_path, name):
    from ase.db import connect

    with connect(tmp_path / name) as rows:
        for k, smiles in enumerate(["O", "C", "CO"]):
            atoms = molecule(("H2O", "CH4", "CH3OH")[k])
            rows.write(atoms, gap=1.5 - k, smiles=smiles, name=f"m{k}")
    molecules = read_molecules(tmp_path / name)
    assert molecules[2].info == {"gap": -0.5, "smiles": "CO", "name": "m2"}
    records = read_records(tmp_path / name)
    assert records.table["gap"].tolist() == [1.5, 0.5, -0.5]
    assert records.canonical.tolist() == ["O", "C", "CO"]
    assert records.name.tolist() == ["m0", "m1", "m2"]
    assert read_records(tmp_path / name, "::-2").number.tolist() == [2, 0]
    assert read_records(tmp_path / name, "gap<1").name.tolist() == ["m1", "m2"]
    assert read_records(tmp_path / name, 1).name.tolist() == ["m1"]


@pytest.mark.parametrize("name", ["a.csv", "a.xyz"])
@pytest.mark.parametrize("index", ["gap<1", "1:x", None, 1.5])
def test_an_index_that_is_none_is_named(tmp_path, name, index):
    if name == "a.csv":
        (tmp_path / name).write_text("smiles\nO\n")
    else:
        write(tmp_path / name, molecule("H2O"))
    with pytest.raises(ValueError, match=r"index must be an int, a slice, .*got " + repr(index)):
        read_molecules(tmp_path / name, index)


def test_records_are_numbered_as_in_the_file(tmp_path, no_embedding):
    path = tmp_path / "a.csv"
    path.write_text("smiles\n" + "\n".join(["C", "O", "bad", "N", "F"]) + "\n")
    assert read_records(path, "1:4").number.tolist() == [1, 3]
    assert read_records(path, "1:4").rejected["record"].tolist() == [2]
    assert read_records(path, -1).number.tolist() == [4]
    assert read_records(path, slice(None, None, -2)).number.tolist() == [4, 0]


def test_reading_records_embeds_nothing(tmp_path, no_embedding):
    path = tmp_path / "a.csv"
    path.write_text(TEXT)
    records = read_records(path)
    assert records.smiles.tolist() == ["O", "CCO", "N"]
    assert records.n_read == 5


def test_equal_molecules_have_one_canonical_smiles(tmp_path, no_embedding):
    path = tmp_path / "a.csv"
    path.write_text("smiles\nOCC\nCCO\nC(O)C\nCC[O-]\n[2H]OCC\n[CH3:1][CH2:2]O\n")
    canonical = read_records(path).canonical
    assert len(set(canonical)) == 3
    assert canonical[0] == canonical[1] == canonical[2] == canonical[5]


def test_files_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    (tmp_path / "a.xls").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.xls: this kind of Excel file.*save it as \.xlsx"):
        read_molecules(tmp_path / "a.xls")
    (tmp_path / "a.xlsx").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"a\.xlsx: not a \.xlsx file"):
        read_molecules(tmp_path / "a.xlsx")
    write_text(tmp_path / "a.csv.gz", TEXT)
    whole = (tmp_path / "a.csv.gz").read_bytes()
    (tmp_path / "a.csv.gz").write_bytes(whole[:-12])
    with pytest.raises(ValueError, match=r"a\.csv\.gz: the compressed file is damaged"):
        read_molecules(tmp_path / "a.csv.gz")
    with pytest.raises(ValueError, match="'on_error' parameter"):
        read_molecules(tmp_path / "a.csv.gz", on_error="ignore")
    write_table(tmp_path / "b.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError, match="needs openpyxl: python -m pip install openpyxl"):
        read_molecules(tmp_path / "b.xlsx")
