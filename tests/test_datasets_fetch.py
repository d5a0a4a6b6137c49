"""The downloaded data sets, on small files in the published formats from a local server."""

import bz2
import csv
import gzip
import hashlib
import io
import json
import os
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

from skmolal.datasets import (
    _aa,
    _enamine10k,
    _fetching,
    _oe62,
    _qm9,
    _qm9_readers,
    fetch_aa,
    fetch_enamine10k,
    fetch_oe62,
    fetch_qm9,
    get_data_home,
)
from skmolal.datasets._storage import MoleculeTable

HARTREE_IN_EV = 27.211386245988

# index, SMILES, symbols, coordinates, the 15 properties; numbers as text, as the files have them.
# The last has the exponent that Mathematica writes, and comes before its predecessor.
QM9 = [
    (1, "C", "C H H H H",
     "-0.0126981359 1.0858041578 0.0080009958 0.002150416 -0.0060313176 0.0019761204 1.0117308433 "
     "1.4637511618 0.0002765748 -0.540815069 1.4475266138 -0.8766437152 -0.5238136345 "
     "1.4379326443 0.9063972942",
     "157.7118 157.70997 157.70699 0. 13.21 -0.3877 0.1171 0.5048 35.3641 0.044749 -40.47893 "
     "-40.476062 -40.475117 -40.498597 6.469"),
    (21, "CC(C)C", "C H", "0. 0. 0. 0.5 0.5 0.5", " ".join(["7.5"] * 15)),
    (3, "O", "O H H", "-0.0343604951 0.9775395708 0.0076015923 0.0647664923 0.0205721989 "
     "1.5346341*^-6 0.8717903737 1.3007924048 0.0006931336",
     "799.58812 437.90386 282.94545 1.8511 6.31 -0.2928 0.0687 0.3615 19.0002 0.021375 -76.404702 "
     "-76.401867 -76.400922 -76.422349 6.002"),
]  # fmt: skip
UNCHARACTERIZED = "\n".join(["prose"] * 9 + ["    21  CC(C)C  CC  C", "prose", ""])

XYZ = """\
3
a comment
O 0.0 0.0 0.0
H 0.96 0.0 0.0
H -0.24 0.93 0.0
2

C  0.0 0.0 0.0  extra
O  0.0 0.0 1.128
"""
LABELS = "-7.25\n-9.125\n"

OE62 = {
    "columns": [
        "refcode_csd", "canonical_smiles", "inchi", "number_of_atoms", "xyz_pbe_relaxed",
        "energies_occ_pbe", "energies_unocc_pbe", "energies_occ_pbe0_vac_tier2",
        "energies_unocc_pbe0_vac_tier2", "cbs_occ_gw", "total_energy_pbe", "hirshfeld_pbe",
    ],
    "index": [0, 7],
    "data": [
        ["ABABAB", "O", "InChI=1S/H2O/h1H2", 3, "3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0",
         [-500.5, -7.5], [0.25], [-510.5, -8.75], [0.5, 1.5], [-12.5], -2080.5, [0.1, 0.2, 0.3]],
        ["QATHUC", None, None, 2, "2\n\nC 0 0 0\nO 0 0 1.128\n",
         [-9.0], [], [-10.25], [1.25], None, -3080.0, None],
    ],
}  # fmt: skip


def qm9_record(index, smiles, symbols, coordinates, properties):
    symbols = symbols.split()
    rows = np.array(coordinates.split()).reshape(-1, 3)
    atoms = [f"{s}\t{x}\t {y}\t {z}\t-0.1" for s, (x, y, z) in zip(symbols, rows, strict=True)]
    head = [str(len(symbols)), f"gdb {index}\t" + "\t".join(properties.split()) + "\t"]
    tail = ["1341.307\t1341.3284", f"{smiles}\t{smiles}@\t", "InChI=1S/x\tInChI=1S/x"]
    return "\n".join([*head, *atoms, *tail]) + "\n"


def qm9_archive(members):
    """A tar.bz2 of (name or TarInfo, text) pairs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as tar:
        for member, text in members:
            if not isinstance(member, tarfile.TarInfo):
                member = tarfile.TarInfo(member)
                member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def qm9_members():
    return [(f"dsgdb9nsd_{row[0]:06d}.xyz", qm9_record(*row)) for row in QM9]


def md5(content):
    return "md5:" + hashlib.md5(content).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers each path with the next of its scripted answers; the last is repeated."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {}
        self.requests = []

    def url(self, name, *answers):
        """Script the answers (bytes, an HTTP status, or ("truncated", bytes)) of a file."""
        self.answers[f"/{name}"] = list(answers)
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        answers = self.server.answers[self.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, int):
            self.send_error(answer)
            return
        missing = 0
        if isinstance(answer, tuple):
            _, answer = answer
            missing = 100
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer) + missing))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def aa(server, monkeypatch):
    """Serve AA; a test may script other answers. Returns a function to fetch it without waits."""
    monkeypatch.setattr(
        _aa,
        "_FILES",
        [
            _fetching.RemoteFile("data.xyz", server.url("data.xyz", XYZ.encode())),
            _fetching.RemoteFile(
                "HOMO.txt", server.url("HOMO.txt", LABELS.encode()), md5(LABELS.encode())
            ),
        ],
    )
    return lambda data_home, **options: fetch_aa(data_home=data_home, delay=0, **options)


def serve_qm9(server, monkeypatch, archive, uncharacterized=UNCHARACTERIZED):
    _, reader, info = _qm9._VERSIONS["b3lyp"]
    files = {"dsgdb9nsd.xyz.tar.bz2": archive, "uncharacterized.txt": uncharacterized.encode()}
    remotes = [
        _fetching.RemoteFile(name, server.url(name, content), md5(content))
        for name, content in files.items()
    ]
    monkeypatch.setitem(_qm9._VERSIONS, "b3lyp", (remotes, reader, info))
    monkeypatch.setattr(_qm9, "find_qm9pack", list)


def serve_oe62(server, monkeypatch, content, version="62k"):
    [remote], reader, info = _oe62._VERSIONS[version]
    remote = remote._replace(url=server.url(remote.filename, content))
    monkeypatch.setitem(_oe62._VERSIONS, version, ([remote], reader, info))


def forbid_network(monkeypatch):
    import pooch

    def refuse(self, url, *args, **kwargs):
        raise AssertionError(f"asked for {url}")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", refuse)


def files_in(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


DOCKED = "smiles,score\nCCO,-9.9\nC[C@H](N)O,-7.0\nOCC,-6.5\nNA,-4.5\n"


def serve_enamine10k(server, monkeypatch, text):
    content = gzip.compress(text.encode())
    url = server.url(_enamine10k._FILE.filename, content)
    remote = _enamine10k._FILE._replace(url=url, checksum=md5(content))
    monkeypatch.setattr(_enamine10k, "_FILE", remote)
    return content


# What the loaders return


def test_docking_scores_are_smiles_in_the_order_of_the_file(server, monkeypatch, tmp_path):
    serve_enamine10k(server, monkeypatch, DOCKED)
    bunch = fetch_enamine10k(data_home=tmp_path)
    smiles = ["CCO", "C[C@H](N)O", "OCC", "NA"]  # no missing value
    assert bunch.data.dtype == object
    assert bunch.data.tolist() == bunch.frame["smiles"].tolist() == smiles
    np.testing.assert_array_equal(bunch.target, [-9.9, -7.0, -6.5, -4.5])
    np.testing.assert_array_equal(bunch.frame["score"], bunch.target)
    assert (bunch.feature_names, bunch.target_names) == (["smiles"], ["score"])
    assert "docking score" in bunch.DESCR
    X, y = fetch_enamine10k(data_home=tmp_path, return_X_y=True, as_frame=True)
    pd.testing.assert_frame_equal(X, bunch.frame[["smiles"]])
    pd.testing.assert_series_equal(y, bunch.frame["score"])
    assert len(server.requests) == 1


def test_docking_scores_in_data_home_are_used(server, monkeypatch, tmp_path):
    content = serve_enamine10k(server, monkeypatch, DOCKED)
    forbid_network(monkeypatch)
    with pytest.raises(OSError, match=r"scores\.csv\.gz does not exist, and download_if_missing="):
        fetch_enamine10k(data_home=tmp_path, download_if_missing=False)
    path = tmp_path / "enamine10k" / "Enamine10k_scores.csv.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    assert len(fetch_enamine10k(data_home=tmp_path, download_if_missing=False).data) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DOCKED.replace("-7.0", "failed"), "record 1 must have .* got 'C.C@H.*' and 'failed'"),
        (DOCKED.replace("-6.5", "inf"), "record 2 must have a SMILES and a finite score"),
        (DOCKED.replace("CCO", ""), "record 0 must have .* got '' and '-9.9'"),
        (DOCKED.replace("smiles", "text"), "smiles"),
    ],
)
def test_malformed_docking_scores(text, message, server, monkeypatch, tmp_path):
    serve_enamine10k(server, monkeypatch, text)
    with pytest.raises(ValueError, match=rf"scores\.csv\.gz: .*{message}"):
        fetch_enamine10k(data_home=tmp_path)


def test_docking_scores_that_are_no_archive(server, monkeypatch, tmp_path):
    serve_enamine10k(server, monkeypatch, DOCKED)
    content = b"no archive"
    url = server.url(_enamine10k._FILE.filename, content)
    remote = _enamine10k._FILE._replace(url=url, checksum=md5(content))
    monkeypatch.setattr(_enamine10k, "_FILE", remote)
    with pytest.raises(ValueError, match=r"scores\.csv\.gz: "):
        fetch_enamine10k(data_home=tmp_path)


def test_aa_is_read_with_its_labels(aa, tmp_path):
    bunch = aa(tmp_path)
    assert [str(atoms.symbols) for atoms in bunch.data] == ["OH2", "CO"]
    np.testing.assert_array_equal(bunch.data[1].positions, [[0, 0, 0], [0, 0, 1.128]])
    np.testing.assert_array_equal(bunch.target, [-7.25, -9.125])
    assert [atoms.info for atoms in bunch.data] == [{"record": 0}, {"record": 1}]
    assert bunch.frame["formula"].tolist() == ["H2O", "CO"]
    assert bunch.frame["comment"].tolist() == ["a comment", ""]
    assert "amino acid" in bunch.DESCR
    X, y = aa(tmp_path, return_X_y=True, as_frame=True)
    assert isinstance(X, pd.DataFrame)
    assert isinstance(y, pd.Series)


def test_qm9_archive_is_read_without_the_uncharacterized(server, monkeypatch, tmp_path):
    serve_qm9(server, monkeypatch, qm9_archive(qm9_members()))
    bunch = fetch_qm9(data_home=tmp_path)
    assert bunch.frame["qm9_index"].tolist() == [1, 3]
    assert [atoms.info for atoms in bunch.data] == [
        {"smiles": "C", "qm9_index": 1},
        {"smiles": "O", "qm9_index": 3},
    ]
    np.testing.assert_allclose(bunch.target, np.array([-0.3877, -0.2928]) * HARTREE_IN_EV)
    assert bunch.data[1].positions[1, 2] == 1.5346341e-6
    water = bunch.frame.iloc[1]
    assert water["mu"] == 1.8511
    assert water["g298"] == pytest.approx(-76.422349 * HARTREE_IN_EV)
    gap = fetch_qm9(data_home=tmp_path, target_column="gap").target
    np.testing.assert_allclose(gap, bunch.frame["lumo"] - bunch.frame["homo"], atol=3e-3)


def test_qm9pack_and_archive_agree(server, monkeypatch, tmp_path):
    serve_qm9(server, monkeypatch, qm9_archive(qm9_members()))
    archive = fetch_qm9(data_home=tmp_path)
    path = tmp_path / "qm9_part1.csv"
    write_qm9pack(path, [row for row in QM9 if row[0] != 21])
    monkeypatch.setattr(_qm9, "find_qm9pack", lambda: [path])
    forbid_network(monkeypatch)
    installed = fetch_qm9(data_home=tmp_path)
    pd.testing.assert_frame_equal(installed.frame, archive.frame, check_exact=True)
    assert all(a == b for a, b in zip(installed.data, archive.data, strict=True))


def write_qm9pack(path, rows):
    columns = ["Index", "SMILES", "Elements", "XYZ_Ang"]
    columns += [source for source, _ in _qm9_readers.PROPERTIES.values()]
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["XYZ_file", *columns])
        for index, smiles, symbols, coordinates, properties in rows:
            elements = "[" + ",".join(f"'{s}'" for s in symbols.split()) + "]"
            triples = np.array(coordinates.split()).reshape(-1, 3)
            xyz = "[" + ",".join(f"[{','.join(t)}]" for t in triples) + "]"
            writer.writerow(["x", float(index), smiles, elements, xyz, *properties.split()])


@pytest.mark.skipif(not _qm9_readers.find_qm9pack(), reason="qm9pack is not installed")
def test_qm9pack_is_found_and_read_once(tmp_path, monkeypatch):
    forbid_network(monkeypatch)
    qm9 = fetch_qm9(data_home=tmp_path)
    assert len(qm9.data) == 130_831
    assert qm9.target.mean() == pytest.approx(-6.54, abs=0.01)
    assert qm9.frame["qm9_index"].is_monotonic_increasing
    assert not qm9.frame.isna().any().any()
    monkeypatch.setattr(_qm9, "read_qm9pack", None)
    X, y = fetch_qm9(data_home=tmp_path, return_X_y=True, target_column="cv")
    assert len(X) == 130_831
    np.testing.assert_array_equal(y, qm9.frame["cv"])


@pytest.mark.parametrize("fetch", [fetch_qm9, fetch_oe62])
def test_paper_version_is_xyz_and_labels(fetch, server, monkeypatch, tmp_path):
    versions = {fetch_qm9: _qm9._VERSIONS, fetch_oe62: _oe62._VERSIONS}[fetch]
    remotes, reader, info = versions["paper"]
    contents = {"data.xyz": XYZ.encode(), "HOMO.txt": LABELS.encode()}
    remotes = [r._replace(url=server.url(r.filename, contents[r.filename])) for r in remotes]
    monkeypatch.setitem(versions, "paper", (remotes, reader, info))
    bunch = fetch(version="paper", data_home=tmp_path)
    np.testing.assert_array_equal(bunch.target, [-7.25, -9.125])
    assert bunch.data[1].info == {"record": 1}


def test_oe62_takes_the_frontier_orbitals(server, monkeypatch, tmp_path):
    serve_oe62(server, monkeypatch, json.dumps(OE62).encode())
    bunch = fetch_oe62(data_home=tmp_path)
    np.testing.assert_array_equal(bunch.target, [-8.75, -10.25])
    assert bunch.data[0].info == {"smiles": "O", "refcode_csd": "ABABAB"}
    assert bunch.data[1].info == {"refcode_csd": "QATHUC"}
    expected = {
        "homo": [-8.75, -10.25],
        "lumo": [0.5, 1.25],
        "homo_pbe": [-7.5, -9.0],
        "lumo_pbe": [0.25, np.nan],
        "homo_gw_cbs": [-12.5, np.nan],
        "total_energy_pbe": [-2080.5, -3080.0],
    }
    assert set(bunch.frame) == {"refcode_csd", "smiles", *expected}
    for name, column in expected.items():
        np.testing.assert_array_equal(bunch.frame[name], column)
    target = fetch_oe62(data_home=tmp_path, target_column="homo_pbe").target
    np.testing.assert_array_equal(target, expected["homo_pbe"])


def test_oe62_agrees_with_pandas_on_the_format(server, monkeypatch, tmp_path):
    serve_oe62(server, monkeypatch, json.dumps(OE62).encode(), version="5k")
    bunch = fetch_oe62(version="5k", data_home=tmp_path)
    frame = pd.read_json(tmp_path / "oe62" / "5k" / "df_5k.json", orient="split")
    assert frame["refcode_csd"].tolist() == bunch.frame["refcode_csd"].tolist()
    occupied = frame["energies_occ_pbe0_vac_tier2"].map(lambda energies: energies[-1])
    np.testing.assert_allclose(occupied, bunch.target)


# Downloads


@pytest.mark.parametrize(
    "failures",
    [[500], [503, 429], [("truncated", LABELS.encode())], [b"another file"]],
    ids=str,
)
def test_failure_heals_on_retry(failures, aa, server, tmp_path):
    server.url("HOMO.txt", *failures, LABELS.encode())
    assert len(aa(tmp_path).data) == 2
    assert server.requests.count("/HOMO.txt") == len(failures) + 1
    assert files_in(tmp_path) == ["aa/HOMO.txt", "aa/data.xyz", "aa/parsed.npz"]


@pytest.mark.parametrize(
    ("answer", "message", "n_requests"),
    [
        (404, "404", 1),
        (403, "403", 1),
        (500, "500", 3),
        (b"another file", "checksum .* where .* is expected", 3),
        (("truncated", LABELS.encode()), "HOMO.txt", 3),
    ],
    ids=str,
)
def test_lasting_failure_is_one_clear_error(answer, message, n_requests, aa, server, tmp_path):
    url = server.url("HOMO.txt", answer)
    with pytest.raises(OSError, match=rf"could not download HOMO\.txt from {url}: .*{message}"):
        aa(tmp_path, n_retries=2)
    assert server.requests.count("/HOMO.txt") == n_requests
    assert files_in(tmp_path) == ["aa/data.xyz"]


def test_truncated_file_without_checksum_is_noticed(aa, server, tmp_path):
    server.url("data.xyz", ("truncated", XYZ.encode()[:-30]))
    with pytest.raises(OSError, match=r"could not download data\.xyz"):
        aa(tmp_path, n_retries=0)
    assert files_in(tmp_path) == []


def test_no_server_is_one_clear_error(aa, server, monkeypatch, tmp_path):
    gone = _fetching.RemoteFile("data.xyz", "http://127.0.0.1:9/data.xyz")
    monkeypatch.setattr(_aa, "_FILES", [gone])
    with pytest.raises(OSError, match=r"could not download data\.xyz .* put it at .*aa.data\.xyz"):
        aa(tmp_path, n_retries=1)


def test_waits_double(aa, server, monkeypatch, tmp_path):
    waits = []
    monkeypatch.setattr(_fetching.time, "sleep", waits.append)
    server.url("HOMO.txt", 500)
    with pytest.raises(OSError, match="500"):
        fetch_aa(data_home=tmp_path, n_retries=3, delay=0.5)
    assert waits == [0.5, 1.0, 2.0]


def test_download_is_not_begun_when_not_wanted(aa, server, tmp_path):
    with pytest.raises(OSError, match=r"data\.xyz does not exist, and download_if_missing=False"):
        aa(tmp_path, download_if_missing=False)
    assert server.requests == []


def test_files_in_data_home_are_used(aa, server, tmp_path):
    (tmp_path / "aa").mkdir()
    (tmp_path / "aa" / "data.xyz").write_text(XYZ)
    (tmp_path / "aa" / "HOMO.txt").write_text(LABELS)
    assert len(aa(tmp_path, download_if_missing=False).data) == 2
    assert server.requests == []


def test_damaged_file_in_data_home_is_downloaded_again(aa, server, tmp_path):
    (tmp_path / "aa").mkdir()
    (tmp_path / "aa" / "HOMO.txt").write_text("-1\n-2\n")
    (tmp_path / "aa" / "data.xyz").write_text(XYZ)
    with pytest.raises(OSError, match=r"HOMO\.txt has the md5 checksum"):
        aa(tmp_path, download_if_missing=False)
    with pytest.warns(UserWarning, match=r"HOMO\.txt has the md5 checksum .* in its place"):
        assert aa(tmp_path).target[0] == -7.25
    assert server.requests == ["/HOMO.txt"]


def test_interrupted_download_leaves_nothing(aa, monkeypatch, tmp_path):
    import pooch

    def interrupted(self, url, output_file, pooch):
        with open(output_file, "wb") as stream:
            stream.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        aa(tmp_path)
    assert files_in(tmp_path) == []


def test_progress_is_shown_only_when_verbose(aa, server, capsys, tmp_path):
    server.url("HOMO.txt", 500, LABELS.encode())
    aa(tmp_path / "quiet")
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    server.url("HOMO.txt", 500, LABELS.encode())
    aa(tmp_path / "verbose", verbose=True)
    captured = capsys.readouterr()
    assert "trying again in 0 s" in captured.out
    assert "data.xyz: 100%" in captured.err


# Malformed files: the message names file and record


@pytest.mark.parametrize(
    ("xyz", "message"),
    [
        (XYZ.replace("1.128", "far"), r"data\.xyz: record 1 is malformed: .*'far'"),
        (XYZ.replace("1.128", "nan"), r"data\.xyz: record 1 is malformed: .*finite number"),
        (XYZ.replace("O 0.0", "Q 0.0"), r"data\.xyz: record 0 is malformed: .*'Q 0.0 0.0 0.0'"),
        (XYZ.replace("H 0.96 0.0 0.0\n", ""), r"data\.xyz: record 0 is malformed: .*got '2'"),
        (XYZ.replace("2\n\n", "two\n\n"), r"data\.xyz: record 1 .* number of atoms, got 'two'"),
        (XYZ.replace("2\n\n", "3\n\n"), r"data\.xyz: record 1 .* 3 atoms announced, 2 given"),
        (XYZ + "0\n\n", r"data\.xyz: record 2 is malformed: .*without atoms"),
        (XYZ + XYZ, r"HOMO\.txt has 2 labels for the 4 molecules of .*data\.xyz"),
        ("\xff\xfe", r"data\.xyz: record 0 is malformed"),
    ],
)
def test_malformed_xyz(xyz, message, aa, server, tmp_path):
    server.url("data.xyz", xyz.encode("latin-1"))
    with pytest.raises(ValueError, match=message):
        aa(tmp_path)
    assert files_in(tmp_path) == ["aa/HOMO.txt", "aa/data.xyz"]


def test_malformed_label(aa, server, monkeypatch, tmp_path):
    remotes = [remote._replace(checksum=None) for remote in _aa._FILES]
    monkeypatch.setattr(_aa, "_FILES", remotes)
    server.url("HOMO.txt", b"-7.25\nunknown\n")
    with pytest.raises(ValueError, match=r"HOMO\.txt: record 1 is malformed: .*'unknown'"):
        aa(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gdb 3", "gdb three", "'three'"),
        ("\t282.94545", "", "15 properties"),
        ("799.58812", "*^", "could not convert"),
        ("O\tO@", "", "SMILES is missing"),
        ("H\t", "Hh\t", "an element and three coordinates"),
    ],
)
def test_malformed_qm9_record(old, new, message, server, monkeypatch, tmp_path):
    members = qm9_members()
    name, text = members[2]
    assert old in text
    members[2] = name, text.replace(old, new)
    serve_qm9(server, monkeypatch, qm9_archive(members))
    with pytest.raises(ValueError, match=rf"tar\.bz2: record 2 is malformed: .*{message}"):
        fetch_qm9(data_home=tmp_path)


def test_malformed_list_of_uncharacterized(server, monkeypatch, tmp_path):
    text = UNCHARACTERIZED.replace("    21", "    no")
    serve_qm9(server, monkeypatch, qm9_archive(qm9_members()), text)
    with pytest.raises(ValueError, match=r"uncharacterized\.txt: record 0 is malformed"):
        fetch_qm9(data_home=tmp_path)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (700, "record 0 is malformed: ReadError"),  # within the first member
        (1300, "incomplete, molecule 21 of uncharacterized.txt is not in it"),  # between members
        (0, "record 0 is malformed: ReadError"),
    ],
)
def test_archive_cut_short(size, message, server, monkeypatch, tmp_path):
    tar = bz2.decompress(qm9_archive(qm9_members()))
    serve_qm9(server, monkeypatch, bz2.compress(tar[:size]))
    with pytest.raises(ValueError, match=rf"tar\.bz2: {message}"):
        fetch_qm9(data_home=tmp_path)


def test_archive_that_is_none(server, monkeypatch, tmp_path):
    serve_qm9(server, monkeypatch, b"no archive")
    with pytest.raises(ValueError, match=r"tar\.bz2: record 0 is malformed: ReadError"):
        fetch_qm9(data_home=tmp_path)


def link(name, target):
    member = tarfile.TarInfo(name)
    member.type = tarfile.SYMTYPE
    member.linkname = target
    return member


@pytest.mark.parametrize(
    "member",
    ["../escaped.xyz", "/tmp/escaped.xyz", "a/../../escaped.xyz", "..\\escaped.xyz",
     "C:\\escaped.xyz", link("dsgdb9nsd_000009.xyz", "/etc/passwd")],
    ids=lambda member: getattr(member, "name", member),
)  # fmt: skip
def test_archive_with_a_path_that_escapes_is_refused(member, server, monkeypatch, tmp_path):
    text = "" if isinstance(member, tarfile.TarInfo) else qm9_record(*QM9[0])
    serve_qm9(server, monkeypatch, qm9_archive([*qm9_members(), (member, text)]))
    home = tmp_path / "home"
    with pytest.raises(ValueError, match=r"tar\.bz2: refused, because its member"):
        fetch_qm9(data_home=home)
    names = ["qm9/b3lyp/dsgdb9nsd.xyz.tar.bz2", "qm9/b3lyp/uncharacterized.txt"]
    assert files_in(tmp_path) == [f"home/{name}" for name in names]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("Elements", "['C','H']", "coordinates of shape"),
        ("Elements", "['C','H','H','H','Zz']", "Zz"),
        ("XYZ_Ang", "[[0,0]]", "reshape"),
        ("HOMO_au", "", "could not convert"),
        ("HOMO_au", None, "too short"),
    ],
)
def test_malformed_qm9pack_row(column, value, message, monkeypatch, tmp_path):
    path = tmp_path / "qm9_part1.csv"
    write_qm9pack(path, QM9)
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    at = rows[0].index(column)
    rows[1] = rows[1][:at] if value is None else [*rows[1][:at], value, *rows[1][at + 1 :]]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    monkeypatch.setattr(_qm9, "find_qm9pack", lambda: [path])
    with pytest.raises(ValueError, match=rf"part1\.csv: record 0 is malformed: .*{message}"):
        fetch_qm9(data_home=tmp_path)
    assert files_in(tmp_path) == ["qm9_part1.csv"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["data"][1].pop(), "df_62k.json: record 1 is malformed"),
        (lambda t: t["data"][1].__setitem__(0, 5), "record 1 .* refcode_csd must be text, got 5"),
        (lambda t: t["data"][0].__setitem__(4, "3\n\nO 0 0"), "record 0 .* 3 atoms announced"),
        (lambda t: t["data"][1].__setitem__(7, ["x"]), "record 1 is malformed: .*'x'"),
        (lambda t: t["columns"].__setitem__(4, "xyz"), r"\['xyz_pbe_relaxed'\] are missing"),
        (lambda t: t.__setitem__("data", []), "holds no molecule"),
        (lambda t: t.pop("columns"), "not a table of OE62: KeyError: 'columns'"),
    ],
)
def test_malformed_oe62(change, message, server, monkeypatch, tmp_path):
    table = json.loads(json.dumps(OE62))
    change(table)
    serve_oe62(server, monkeypatch, json.dumps(table).encode())
    with pytest.raises(ValueError, match=message):
        fetch_oe62(data_home=tmp_path)


def test_oe62_cut_short(server, monkeypatch, tmp_path):
    serve_oe62(server, monkeypatch, json.dumps(OE62).encode()[:-20])
    with pytest.raises(ValueError, match=r"df_62k\.json: not a table of OE62: JSONDecodeError"):
        fetch_oe62(data_home=tmp_path)


# The cache


def test_second_call_neither_asks_nor_parses(aa, server, monkeypatch, tmp_path):
    first = aa(tmp_path)
    server.requests.clear()
    monkeypatch.setattr(_aa, "read_labelled_xyz", None)
    second = aa(tmp_path)
    assert server.requests == []
    pd.testing.assert_frame_equal(second.frame, first.frame, check_exact=True)
    assert all(a == b and a.info == b.info for a, b in zip(second.data, first.data, strict=True))


def test_cache_alone_is_enough(aa, server, tmp_path):
    aa(tmp_path)
    server.requests.clear()
    for name in ("data.xyz", "HOMO.txt"):
        (tmp_path / "aa" / name).unlink()
    assert len(aa(tmp_path, download_if_missing=False).data) == 2
    assert server.requests == []


def test_changed_source_is_parsed_again(aa, tmp_path):
    aa(tmp_path)
    path = tmp_path / "aa" / "data.xyz"
    status = path.stat()
    path.write_text(XYZ.replace("1.128", "1.228"))  # of the same size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert aa(tmp_path).data[1].positions[1, 2] == 1.228


def test_old_cache_format_is_parsed_again(aa, monkeypatch, tmp_path):
    from skmolal.datasets import _storage

    aa(tmp_path)
    monkeypatch.setattr(_storage, "FORMAT_VERSION", _storage.FORMAT_VERSION + 1)
    assert len(aa(tmp_path).data) == 2
    monkeypatch.setattr(_aa, "read_labelled_xyz", None)
    assert len(aa(tmp_path).data) == 2


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "foreign"])
def test_damaged_cache_is_made_again(damage, aa, server, tmp_path):
    expected = aa(tmp_path)
    server.requests.clear()
    cache = tmp_path / "aa" / "parsed.npz"
    content = bytearray(cache.read_bytes())
    if damage == "flipped":
        at = content.index(np.float64(-9.125).tobytes())
        content[at] ^= 1
        cache.write_bytes(content)
    elif damage == "foreign":
        np.savez(cache, something=np.arange(3))
    else:
        cache.write_bytes({"empty": b"", "text": b"no cache", "cut": content[:-50]}[damage])
    with pytest.warns(UserWarning, match=r"the cache .*parsed\.npz cannot be read"):
        bunch = aa(tmp_path)
    pd.testing.assert_frame_equal(bunch.frame, expected.frame)
    assert len(aa(tmp_path).data) == 2
    assert server.requests == []


def test_interrupted_parse_leaves_no_cache(aa, monkeypatch, tmp_path):
    def interrupted(*paths, verbose):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(_aa, "read_labelled_xyz", interrupted)
        with pytest.raises(KeyboardInterrupt):
            aa(tmp_path)
    assert files_in(tmp_path) == ["aa/HOMO.txt", "aa/data.xyz"]
    assert len(aa(tmp_path).data) == 2


def test_data_is_returned_where_no_cache_can_be_written(aa, monkeypatch, tmp_path):
    def full(self, path, **options):
        raise OSError("no space left on device")

    monkeypatch.setattr(MoleculeTable, "save", full)
    with pytest.warns(UserWarning, match="could not be kept in .* no space left"):
        assert len(aa(tmp_path).data) == 2


# Parameters


def test_data_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("SKMOLAL_DATA", raising=False)
    assert get_data_home() == str(tmp_path / "skmolal_data")
    monkeypatch.setenv("SKMOLAL_DATA", str(tmp_path / "named"))
    assert get_data_home() == str(tmp_path / "named")
    assert get_data_home("~/given") == str(tmp_path / "given")
    assert get_data_home(tmp_path / "path") == str(tmp_path / "path")
    assert {p.name for p in tmp_path.iterdir()} == {"skmolal_data", "named", "given", "path"}


@pytest.mark.parametrize(
    ("fetch", "options", "message"),
    [
        (fetch_qm9, {"version": "b3"}, "'version' parameter of fetch_qm9 must be a str among"),
        (fetch_oe62, {"version": 62}, "'version' parameter of fetch_oe62 must be a str among"),
        (fetch_aa, {"n_retries": -1}, "'n_retries' parameter"),
        (fetch_aa, {"delay": "long"}, "'delay' parameter"),
        (fetch_aa, {"data_home": 3}, "'data_home' parameter"),
        (fetch_enamine10k, {"n_retries": 0.5}, "'n_retries' parameter of fetch_enamine10k"),
    ],
)
def test_wrong_parameter(fetch, options, message):
    with pytest.raises(ValueError, match=message):
        fetch(**options)


def test_unknown_target_column(aa, tmp_path):
    with pytest.raises(ValueError, match=r"target_column must be one of \['homo'\], got 'record'"):
        aa(tmp_path, target_column="record")


def test_published_files_are_on_https():
    remotes = [*_aa._FILES, _enamine10k._FILE]
    for versions in (_qm9._VERSIONS, _oe62._VERSIONS):
        remotes += [remote for files, _, _ in versions.values() for remote in files]
    for remote in remotes:
        assert remote.url.startswith("https://")
        assert remote.checksum is None or remote.checksum.startswith(("md5:", "sha256:"))
