import io

from edgecnn.runtime.sinks.text import TextLines


def test_text_says_what_changes_and_accounts_at_the_end(make_answer, make_stream, summary):
    out = io.StringIO()
    sink = TextLines(out)
    sink.open(make_stream())
    for number, label in enumerate(["one", "one", "two", "two", "one"]):
        sink.write(make_answer(number, label))
    sink.close(summary)
    lines = out.getvalue().splitlines()
    assert [line.split()[2] for line in lines[:3]] == ["one", "two", "one"]
    assert lines[3] == "9 frames, 7 answered, 1 dropped, 1 failed in 1.0 s (end of source)"
    assert "cpu, 3/3 nodes" in lines[4]


def test_text_names_every_picture_of_a_folder(make_answer, make_stream):
    out = io.StringIO()
    sink = TextLines(out)
    sink.open(make_stream(live=False))
    for number in range(3):
        sink.write(make_answer(number, name=f"{number}.png"))
    assert len(out.getvalue().splitlines()) == 3


def test_text_says_nothing_of_an_answer_that_is_a_picture(make_answer, make_stream, summary):
    out = io.StringIO()
    sink = TextLines(out)
    sink.open(make_stream())
    for number in range(3):
        sink.write(make_answer(number, "", name=f"{number}.png"))
    sink.close(summary)
    assert len(out.getvalue().splitlines()) == 2
