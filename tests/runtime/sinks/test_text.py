import dataclasses
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


def test_text_says_what_happens_and_what_changes_slowly(make_answer, make_stream):
    """Each event at once; what stands beside a label that stays, every ten seconds."""
    out = io.StringIO()
    sink = TextLines(out)
    sink.open(make_stream())
    for second in range(25):
        answer = make_answer(second, "N")
        answer.result = dataclasses.replace(
            answer.result,
            aside=f"{60 + second}/min",
            events=("alarm on: no beat (3 s)",) if second == 4 else (),
            fields={"time_s": second},
        )
        sink.write(answer)
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert [line[0] for line in lines] == ["0.00", "4.00", "10.00", "20.00"]
    assert lines[1][2:] == ["alarm", "on:", "no", "beat", "(3", "s)"]
    assert (lines[2][2], lines[2][-1]) == ("N", "70/min")


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
