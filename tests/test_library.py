"""Libraries of SMILES on disk: what is read, described, stored, continued and refused."""

import gzip
import lzma
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.ensemble import RandomForestRegressor

from skmolal import Campaign, make_fingerprint_model
from skmolal._rows import take_rows
from skmolal.datasets import load_qm9_sample
from skmolal.descriptors import (
    MBTRTransformer,
    MorganFingerprintTransformer,
    RDKitDescriptorsTransformer,
    RDKitFingerprintTransformer,
)
from skmolal.ensemble import EnsembleRegressor
from skmolal.library import Library, describe_library
from skmolal.library._store import split_counts
from skmolal.query_strategies._machinery import contest

SMILES = load_qm9_sample().frame["smiles"].tolist()[:700]
NAMES = [f"molecule {k}" for k in range(len(SMILES))]
MORGAN = MorganFingerprintTransformer()


@pytest.fixture(scope="module")
def smiles_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "molecules.smi"
    lines = [f"{text}\t{name}\n" for text, name in zip(SMILES, NAMES, strict=True)]
    path.write_text("# a comment\n\n" + "".join(lines))
    return path


@pytest.fixture(scope="module")
def library(smiles_file):
    return describe_library(smiles_file, MORGAN, smiles_file.parent / "store", block_size=300)


@pytest.fixture(scope="module")
def features():
    return MORGAN.fit_transform(SMILES)


# --- what is stored --------------------------------------------------------------------------


def test_features_are_those_in_memory(library, features):
    assert library.shape == features.shape
    assert library.dtype == np.float32
    assert abs(library[:] - features).sum() == 0
    assert library.n_read == len(SMILES)
    assert list(library.smiles(slice(3, 6))) == SMILES[3:6]
    assert list(library.names([5, 0, -1])[:2]) == [NAMES[5], NAMES[0]]
    assert library.numbers([2, 699]).tolist() == [2, 699]
    assert len(library.rejected()) == 0


@settings(max_examples=50)
@given(st.data())
def test_any_rows_are_read_as_from_an_array(data):
    library, features = _shared()
    view, expected = library, features
    for _ in range(data.draw(st.integers(0, 2))):
        rows = data.draw(st.lists(st.integers(0, len(view) - 1), min_size=1, max_size=40))
        rows = sorted(set(rows)) if data.draw(st.booleans()) else rows
        view, expected = take_rows(view, rows), expected[rows]
    start = data.draw(st.integers(0, len(view)))
    stop = data.draw(st.integers(0, len(view)))
    assert abs(view[start:stop] - expected[start:stop]).sum() == 0
    rows = data.draw(st.lists(st.integers(-len(view), len(view) - 1), max_size=30))
    assert abs(view[np.array(rows, dtype=int)] - expected[rows]).sum() == 0
    mask = np.zeros(len(view), bool)
    mask[::3] = True
    assert view.take(mask).shape == expected[mask].shape


def _shared(memory=[]):  # noqa: B006 - kept on purpose
    if not memory:
        from tempfile import mkdtemp

        folder = mkdtemp()
        path = f"{folder}/m.smi"
        with open(path, "w") as file:
            file.write("\n".join(SMILES[:120]))
        memory += [
            describe_library(path, MORGAN, f"{folder}/s"),
            MORGAN.fit_transform(SMILES[:120]),
        ]
    return memory


def test_dense_features_are_kept_as_float32(smiles_file, tmp_path):
    transformer = RDKitDescriptorsTransformer(["MolWt", "TPSA"])
    library = describe_library(smiles_file, transformer, tmp_path / "store")
    expected = transformer.fit_transform(SMILES).astype(np.float32)
    np.testing.assert_array_equal(library[:], expected)
    np.testing.assert_array_equal(library[[5, 3]], expected[[5, 3]])
    np.testing.assert_array_equal(library.take([5, 3, 9])[1:], expected[[3, 9]])


@pytest.mark.parametrize("n_bits", [2048, 100])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_many_bits_are_kept_packed(smiles_file, tmp_path, is_sparse, n_bits):
    transformer = RDKitFingerprintTransformer(n_bits=n_bits, counts=False, sparse=is_sparse)
    library = describe_library(smiles_file, transformer, tmp_path / "store", block_size=300)
    expected = transformer.fit_transform(SMILES)
    assert (tmp_path / "store" / "bits.bin").stat().st_size == len(SMILES) * -(-n_bits // 8)
    assert not (tmp_path / "store" / "columns.bin").exists()
    assert sparse.issparse(library[:]) == is_sparse == library.is_sparse
    for rows in (slice(None), slice(5, 9), slice(3, 3), [5, 3], [], slice(699, None)):
        found, wanted = library[rows], expected[rows]
        assert found.dtype == np.float32
        assert found.shape == wanted.shape
        assert abs(found - wanted).sum() == 0
    again = describe_library(smiles_file, transformer, tmp_path / "store")
    assert again.digest == library.digest


def test_few_bits_are_kept_as_entries(smiles_file, tmp_path):
    transformer = MorganFingerprintTransformer(counts=False)
    library = describe_library(smiles_file, transformer, tmp_path / "store")
    assert (library.folder / "columns.bin").exists()
    assert abs(library[:] - transformer.fit_transform(SMILES)).sum() == 0


def test_bits_that_are_counts_are_refused(smiles_file, tmp_path, monkeypatch):
    transform = RDKitFingerprintTransformer.transform
    monkeypatch.setattr(
        RDKitFingerprintTransformer, "transform", lambda self, X: 2 * transform(self, X)
    )
    monkeypatch.setattr("skmolal.library._describe._holds_many_bits", lambda _: True)
    with pytest.raises(ValueError, match=r"has counts=False, but features that are not 0 or 1"):
        describe_library(smiles_file, RDKitFingerprintTransformer(counts=False), tmp_path / "store")
    with pytest.raises(ValueError, match="not complete, 0 records"):
        Library(tmp_path / "store")


@given(st.lists(st.lists(st.integers(1, 2000), max_size=5), min_size=1, max_size=6))
def test_large_counts_are_several_entries(rows):
    indptr = np.cumsum([0] + [len(row) for row in rows])
    counts = np.array([value for row in rows for value in row], dtype=float)
    columns = np.concatenate([np.arange(len(row)) for row in rows]).astype(int)
    X = sparse.csr_matrix((counts, columns, indptr), shape=(len(rows), 5))
    ends, columns, counts = split_counts(X)
    assert (counts <= 255).all()
    again = sparse.csr_matrix((counts, columns, [0, *ends]), shape=X.shape)
    again.sum_duplicates()
    assert abs(again - X).sum() == 0


def test_counts_above_255_come_back(tmp_path):
    path = tmp_path / "long.smi"
    path.write_text("C" * 400 + "\nC\n")
    library = describe_library(path, MORGAN, tmp_path / "store")
    expected = MORGAN.fit_transform(["C" * 400, "C"])
    assert expected.max() > 255
    assert abs(library[:] - expected).sum() == 0
    assert abs(library[[0]] - expected[0]).sum() == 0


# --- what is read ----------------------------------------------------------------------------


def test_many_files_of_several_kinds_are_one_library(tmp_path, features):
    with gzip.open(tmp_path / "a.smi.gz", "wt") as file:
        file.write("\n".join(SMILES[:100]))
    (tmp_path / "b.csv").write_text(
        "id,SMILES,score\n" + "".join(f'x{k},"{s}",1\n' for k, s in enumerate(SMILES[100:200]))
    )
    with lzma.open(tmp_path / "c.tsv.xz", "wt") as file:
        file.write("smiles\tname\n" + "".join(f"{s}\tn\n" for s in SMILES[200:300]))
    library = describe_library(str(tmp_path / "*.*"), MORGAN, tmp_path / "store", n_jobs=2)
    assert abs(library[:] - features[:300]).sum() == 0
    assert library.names([0, 100, 299]).tolist() == ["", "x0", "n"]
    files = [tmp_path / "b.csv", tmp_path / "a.smi.gz"]
    other = describe_library(files, MORGAN, tmp_path / "other", smiles_column="SMILES")
    assert other.smiles([0])[0] == SMILES[100]


def test_bad_records_are_left_out_and_named(tmp_path):
    path = tmp_path / "some.smi"
    path.write_text("CCO a\nnonsense b\nCC c\nC1CC d\n")
    library = describe_library(path, MORGAN, tmp_path / "store")
    assert library.names(slice(None)).tolist() == ["a", "c"]
    assert library.numbers([0, 1]).tolist() == [0, 2]
    rejected = library.rejected()
    assert rejected["record"].tolist() == [1, 3]
    assert rejected["smiles"].tolist() == ["nonsense", "C1CC"]
    assert all("SMILES" in reason for reason in rejected["reason"])


@pytest.mark.parametrize(
    ("content", "name", "options", "message"),
    [
        ("CCO", "a.docx", {}, "must end in one of"),
        ("CCO", None, {}, "there is no file"),
        ("a,b\nCCO,1\n", "a.csv", {}, r"no column is named smiles; give smiles_column, one of"),
        ("smiles\nCCO\n", "a.csv", {"name_column": "id"}, "name_column='id' is none of"),
        ("nonsense", "a.smi", {}, "none of 1 records can be described"),
        ("", "a.smi", {}, "none of 0 records can be described"),
        ("CCO", "a.smi", {"block_size": 0}, "block_size must be an integer of at least 1, got 0"),
    ],
)
def test_what_is_no_library_is_refused(content, name, options, message, tmp_path):
    path = tmp_path / (name or "missing.smi")
    if name:
        path.write_text(content)
    with pytest.raises(ValueError, match=message):
        describe_library(path, MORGAN, tmp_path / "store", **options)


def test_other_transformers_are_refused(tmp_path, smiles_file):
    with pytest.raises(TypeError, match="transformer must take SMILES"):
        describe_library(smiles_file, MBTRTransformer(), tmp_path / "store")
    with pytest.raises(ValueError, match="no file matches"):
        describe_library(str(tmp_path / "*.smi"), MORGAN, tmp_path / "store")
    damaged = tmp_path / "a.smi.gz"
    with gzip.open(damaged, "wt") as file:
        file.write("\n".join(SMILES))
    damaged.write_bytes(damaged.read_bytes()[:-30])
    with pytest.raises(ValueError, match="the compressed file is damaged"):
        describe_library(damaged, MORGAN, tmp_path / "store")


def test_a_folder_holds_one_library(library, smiles_file, tmp_path):
    with pytest.raises(ValueError, match="holds a library with transformer"):
        describe_library(smiles_file, MorganFingerprintTransformer(3), library.folder)
    other = tmp_path / "molecules.smi"
    other.write_text("CCO\n")
    with pytest.raises(ValueError, match="holds a library with files"):
        describe_library(other, MORGAN, library.folder)
    again = describe_library(smiles_file, MorganFingerprintTransformer(n_jobs=2), library.folder)
    assert again.digest == library.digest
    with pytest.raises(ValueError, match="there is no library"):
        Library(tmp_path)


# --- kills -----------------------------------------------------------------------------------


def test_an_interrupted_description_goes_on(smiles_file, tmp_path, monkeypatch, library):
    """Whatever an unfinished block has left behind is cut off."""
    from skmolal.library import _describe

    describe, calls = _describe._describe, []

    def stop_at_third(transformer, records):
        calls.append(len(records))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return describe(transformer, records)

    monkeypatch.setattr(_describe, "_describe", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        describe_library(smiles_file, MORGAN, tmp_path / "store", block_size=300)
    with pytest.raises(ValueError, match="not complete, 600 records are described"):
        Library(tmp_path / "store")
    for name in ("columns.bin", "records.tsv", "ends.bin", "blocks.jsonl"):
        with open(tmp_path / "store" / name, "ab") as file:
            file.write(b"half a bl")
    monkeypatch.setattr(_describe, "_describe", describe)
    whole = describe_library(smiles_file, MORGAN, tmp_path / "store", block_size=300)
    assert whole.digest == library.digest
    for file in (tmp_path / "store").glob("*.bin"):
        assert file.read_bytes() == (library.folder / file.name).read_bytes()


def test_a_killed_description_goes_on(smiles_file, tmp_path, library):
    script = textwrap.dedent(f"""
        from skmolal.descriptors import MorganFingerprintTransformer
        from skmolal.library import describe_library
        describe_library({str(smiles_file)!r}, MorganFingerprintTransformer(),
                         {str(tmp_path / "store")!r}, block_size=20)
    """)
    blocks, n_before = tmp_path / "store" / "blocks.jsonl", 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
        while process.poll() is None:
            n_blocks = blocks.read_bytes().count(b"\n") if blocks.exists() else 0
            if n_blocks >= n_before + 3:
                os.killpg(process.pid, signal.SIGKILL)
                break
            time.sleep(0.005)
        process.wait()
        n_before = blocks.read_bytes().count(b"\n")
    whole = describe_library(smiles_file, MORGAN, tmp_path / "store", block_size=20)
    assert abs(whole[:] - library[:]).sum() == 0
    assert list(whole.names(slice(None))) == NAMES


# --- as a pool -------------------------------------------------------------------------------


def play(estimator, pool, strategy, options, y, n_rounds=3):
    campaign = Campaign(
        estimator, pool, query_strategy=strategy, query_options=options, random_state=0
    )
    for _ in range(n_rounds):
        ids = campaign.ask(15)
        campaign.tell(ids, y[ids])
    return campaign


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("target", {"top": 0.05}),
        ("upper_confidence_bound", {"maximize": False}),
        ("uncertainty", {}),
        ("max_det", {}),
        ("random", {}),
    ],
)
def test_a_campaign_picks_as_in_memory(strategy, options, library, features, monkeypatch):
    monkeypatch.setattr(contest, "LEAST_ROWS", 50)
    y = np.asarray(features.sum(axis=1), dtype=float).ravel()
    ours = play(make_fingerprint_model(), library, strategy, options, y)
    theirs = play(make_fingerprint_model(), SMILES, strategy, options, y)
    np.testing.assert_array_equal(ours.labelled, theirs.labelled)
    np.testing.assert_allclose(
        ours.estimator_.predict(SMILES[:5]), theirs.estimator_.predict(SMILES[:5]), atol=1e-8
    )
    again = Campaign.from_json(
        ours.to_json(), make_fingerprint_model(), library, query_strategy=ours.strategy
    )
    np.testing.assert_array_equal(again.ask(5), ours.ask(5))


@pytest.mark.parametrize("is_sparse", [True, False])
def test_a_campaign_picks_among_packed_bits(smiles_file, is_sparse, tmp_path, monkeypatch):
    monkeypatch.setattr(contest, "LEAST_ROWS", 50)
    bits = RDKitFingerprintTransformer(counts=False, sparse=is_sparse)
    features = bits.fit_transform(SMILES)
    y = np.asarray(features.sum(axis=1), dtype=float).ravel()
    library = describe_library(smiles_file, bits, tmp_path / "store")
    model = make_fingerprint_model(bits)
    ours = play(model, library, "target", {"top": 0.05}, y)
    theirs = play(model, SMILES, "target", {"top": 0.05}, y)
    np.testing.assert_array_equal(ours.labelled, theirs.labelled)


def test_other_regressors_predict_in_blocks(library, features, monkeypatch):
    monkeypatch.setattr("skmolal.query_strategies._machinery.posterior.BLOCK", 64)
    y = np.asarray(features.sum(axis=1), dtype=float).ravel()
    forest = EnsembleRegressor(RandomForestRegressor(5), n_estimators=1, bootstrap=False)
    ours = play(forest, library, "target", {"low": 30.0}, y)
    theirs = play(forest, features, "target", {"low": 30.0}, y)
    np.testing.assert_array_equal(ours.labelled, theirs.labelled)


def test_a_model_of_other_features_is_refused(library):
    with pytest.raises(ValueError, match="the library was described by"):
        Campaign(make_fingerprint_model(MorganFingerprintTransformer(3)), library)
    model = make_fingerprint_model()[-1]
    model.fit(np.eye(3), np.arange(3.0))
    with pytest.raises(ValueError, match="X has 2048 features, but GaussianProcessRegressor"):
        model.predict(library)
