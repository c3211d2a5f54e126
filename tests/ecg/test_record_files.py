"""Which files are records, and what they are called."""

import os

import numpy as np
import pytest

from edgecnn.ecg.record_files import Problem, find_records
from edgecnn.errors import DataError, MissingFileError, RecordError


@pytest.fixture
def lay(tmp_path):
    """Lay files into a folder: text by relative path."""

    def make(**files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return lambda files: make(**files)


HEADER = "100 1 360 1000\n100.dat 16 200 16 0 0 0 0 MLII\n"
SAMPLES = "MLII\n0.1\n0.2\n0.3\n"


def names(found):
    return [record.name for record in found.records]


def test_a_record_is_counted_once_however_often_it_is_named(lay):
    folder = lay({"100.hea": HEADER, "100.dat": "x", "100.atr": "x"})
    for path in ("100.hea", "100.dat", "100.atr", "100"):
        assert names(find_records([folder / path])) == ["100"]
    every = [folder, folder / "100.hea", folder / "100", folder / "." / "100.dat"]
    found = find_records(every)
    assert names(found) == ["100"]
    assert found.records[0].path == folder / "100.hea"
    assert found.problems == ()


def test_a_link_to_a_record_is_told_and_the_record_is_there_once(lay):
    folder = lay({"100.hea": HEADER, "100.dat": "x", "b.csv": SAMPLES})
    (folder / "link.hea").symlink_to(folder / "100.hea")
    (folder / "a.csv").symlink_to(folder / "b.csv")
    found = find_records([folder, folder / "100"])
    assert names(found) == ["100", "a"]
    assert found.links == (
        (folder / "b.csv", folder / "a.csv"),
        (folder / "link.hea", folder / "100.hea"),
    )
    assert find_records([folder / "100.hea", folder / "." / "100.dat"]).links == ()


def test_a_record_made_of_itself_is_for_its_reader_to_refuse(lay):
    folder = lay({"s.hea": "s/2 1 360 20\ns 10\ns 10\n"})
    assert names(find_records([folder])) == ["s"]
    assert names(find_records([folder / "*.hea"])) == ["s"]


def test_folders_are_searched_deeply_and_in_order(lay):
    folder = lay(
        {
            "b/2.csv": SAMPLES,
            "b/10.csv": SAMPLES,
            "a/deep/100.hea": HEADER,
            "z.csv": SAMPLES,
        }
    )
    assert names(find_records([folder])) == ["z", "a/deep/100", "b/10", "b/2"]


def test_the_same_name_in_two_folders_stays_apart(lay):
    folder = lay({"one/100.hea": HEADER, "two/100.hea": HEADER})
    assert names(find_records([folder / "one", folder / "two"])) == ["one/100", "two/100"]
    assert names(find_records([folder / "one"])) == ["100"]
    both = [folder / "one" / "100", folder / "two" / "100.hea"]
    assert names(find_records(both)) == ["one/100", "two/100"]


def test_the_same_name_in_two_formats_stays_apart(lay):
    folder = lay({"100.hea": HEADER, "100.csv": SAMPLES, "100.tsv": SAMPLES})
    assert names(find_records([folder])) == ["100_csv", "100", "100_tsv"]


def test_other_files_are_no_records(lay):
    folder = lay(
        {
            "100.hea": HEADER,
            "100.mat": "part of 100",
            "100.dat": "",
            "100.atr": "",
            "README.txt": "Read me.\nI am no ECG.\n",
            "RECORDS": "100\n",
            "notes.md": "",
            ".hidden.csv": SAMPLES,
            ".git/x.csv": SAMPLES,
            "trace.txt": "0.1\n0.2\n0.3\n",
        }
    )
    found = find_records([folder])
    assert names(found) == ["100", "trace"]
    assert found.problems == ()


def test_segments_belong_to_their_record(lay):
    folder = lay(
        {
            "long.hea": "long/2 1 360 2000\nlong_1 1000\nlong_2 1000\n",
            "long_1.hea": HEADER,
            "long_2.hea": HEADER,
            "other.hea": HEADER,
        }
    )
    assert names(find_records([folder])) == ["long", "other"]


def test_a_name_that_wfdb_cannot_have_is_changed(lay):
    folder = lay({"Müller (2. Tag).csv": SAMPLES})
    assert names(find_records([folder])) == ["Müller_2_Tag_"]


def test_results_inside_the_folder_are_left_out(lay):
    folder = lay({"a.csv": SAMPLES, "results/records.csv": "record\nx\n"})
    assert names(find_records([folder], ignore=folder / "results")) == ["a"]


def test_an_annotation_without_its_record_is_a_problem(lay):
    folder = lay({"100.hea": HEADER, "100.atr": "", "101.atr": "", "102.qrs": ""})
    found = find_records([folder])
    assert names(found) == ["100"]
    (problem,) = found.problems
    assert problem.path == str(folder / "101.atr")
    assert isinstance(problem.error, RecordError)
    assert "no 101.hea" in problem.error.message
    assert [p.path for p in find_records([folder], annotator="qrs").problems] == [
        str(folder / "102.qrs")
    ]


def test_an_empty_folder_is_a_problem(lay):
    folder = lay({"some/notes.md": "", "a.csv": SAMPLES})
    found = find_records([folder / "some", folder / "a.csv"])
    assert names(found) == ["a"]
    (problem,) = found.problems
    assert isinstance(problem.error, DataError)
    assert problem.error.message == f"no records in {folder / 'some'}"


def test_a_path_that_is_not_there_is_a_problem(tmp_path):
    found = find_records([tmp_path / "none.csv", tmp_path / "none"])
    assert found.records == ()
    assert [type(p.error) for p in found.problems] == [MissingFileError, MissingFileError]


def test_a_file_of_another_kind_is_a_problem(lay):
    folder = lay({"a.xyz": "", "a.csv": SAMPLES})
    (problem,) = find_records([folder / "a.xyz"]).problems
    assert "no reader for .xyz" in problem.error.message


def test_links_in_a_circle_end(lay):
    folder = lay({"a/x.csv": SAMPLES})
    (folder / "a" / "loop").symlink_to(folder, target_is_directory=True)
    assert names(find_records([folder])) == ["a/x"]


def test_paths_relative_to_here(lay, monkeypatch):
    folder = lay({"recordings/a.csv": SAMPLES, "b.csv": SAMPLES})
    monkeypatch.chdir(folder)
    assert names(find_records(["recordings", "b.csv"])) == ["recordings/a", "b"]
    assert names(find_records(["."])) == ["b", "recordings/a"]
    assert os.fspath(find_records(["b.csv"]).records[0].path) == "b.csv"


def test_a_broken_table_is_a_record_that_will_be_reported(lay):
    folder = lay({"bad.csv": "these are\nwords\n"})
    np.save(folder / "a.npy", np.zeros(10))
    assert names(find_records([folder])) == ["a", "bad"]


# --- patterns ------------------------------------------------------------------------------------


@pytest.fixture
def study(lay):
    return (
        lay(
            {
                "s/rest_1.hea": HEADER,
                "s/rest_1.dat": "",
                "s/rest_1.atr": "",
                "s/deep/rest_2.hea": HEADER,
                "s/deep/down/rest_3.csv": SAMPLES,
                "s/stress.hea": HEADER,
                "s/README.md": "",
                "s/.hidden/rest_4.hea": HEADER,
                "s/none/notes.md": "",
            }
        )
        / "s"
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("rest*.hea", ["rest_1"]),
        ("**/rest*.hea", ["deep/rest_2", "rest_1"]),
        ("**/*.csv", ["deep/down/rest_3"]),
        ("rest_?", ["rest_1"]),
        ("rest_1.*", ["rest_1"]),
        ("*", ["deep/down/rest_3", "deep/rest_2", "rest_1", "stress"]),
        ("**", ["deep/down/rest_3", "deep/rest_2", "rest_1", "stress"]),
        ("d*", ["deep/down/rest_3", "deep/rest_2"]),
        ("deep/[a-z]*", ["down/rest_3", "rest_2"]),
    ],
)
def test_a_pattern_stands_for_what_matches(study, monkeypatch, pattern, expected):
    found = find_records([study / pattern])
    assert names(found) == expected
    assert found.problems == ()
    monkeypatch.chdir(study)
    assert names(find_records([pattern])) == expected


def test_a_pattern_that_matches_no_record_is_a_problem(study):
    problems = find_records([study / "x*", study / "none*", study / "R*", study / "st*"]).problems
    assert [p.error.message for p in problems] == [
        f"nothing matches {study}/x*",
        f"no record matches {study}/none*",
        f"no record matches {study}/R*",
    ]
    assert [p.reason for p in problems] == ["nothing matches", *["no record matches"] * 2]


def test_a_file_with_wild_characters_in_its_name_is_that_file(lay):
    folder = lay({"a[1].csv": SAMPLES, "a1.csv": SAMPLES})
    assert [r.path.name for r in find_records([folder / "a[1].csv"]).records] == ["a[1].csv"]


def test_a_pattern_leaves_results_and_segments_out(lay):
    folder = lay(
        {
            "long.hea": "long/2 1 360 2000\nlong_1 1000\nlong_2 1000\n",
            "long_1.hea": HEADER,
            "long_2.hea": HEADER,
            "out/annotations/x.hea": HEADER,
        }
    )
    assert names(find_records([folder / "**" / "*.hea"], ignore=folder / "out")) == ["long"]


def test_folders_that_overlap_tell_their_trouble_once(lay):
    folder = lay({"in/100.hea": HEADER, "in/101.atr": ""})
    assert len(find_records([folder, folder / "in", folder / "**"]).problems) == 1


@pytest.mark.parametrize(
    ("path", "message", "reason"),
    [
        ("r.csv", "r.csv: line 4: 'hello' is no number", "line 4: 'hello' is no number"),
        ("a/r.csv", "a/r.csv states no sampling rate", "states no sampling rate"),
        ("a/r.csv", "no such file: a/r.csv", "no such file"),
        ("a", "no such file or folder: a", "no such file or folder"),
        ("a/b", "no records in a/b", "no records"),
        ("a/b.hea", "no annotation file a/b.atr", "no annotation file b.atr"),
        ("a/b.hea", "a/b.hea names the file a.dat, which is not there",
         "names the file a.dat, which is not there"),
        ("a/r.csv", "cannot read a/r.csv: Permission denied", "cannot read: Permission denied"),
        ("r.csv", "r.csv", "r.csv"),
        ("a/r.csv", "a/r.csv, line 4: no number", "line 4: no number"),
        ("/x/(1).csv", "/x/(1).csv: no [", "no ["),
    ],
)  # fmt: skip
def test_the_reason_does_not_repeat_the_path(path, message, reason):
    assert Problem(path, RecordError(message)).reason == reason
