from edgecnn.runtime.gates.frozen import Frozen


def _refused(gate, pictures, make_frame, *, fps=10):
    frames = (make_frame(p, number=i, at_s=i / fps) for i, p in enumerate(pictures))
    return [gate.check(frame) is not None for frame in frames]


def test_the_same_picture_for_too_long_is_frozen_until_a_new_one_comes(make_frame, hd_pictures):
    a, b, c = hd_pictures[:3]
    refused = _refused(Frozen(2.0), [a, b, *[c.copy() for _ in range(40)], a, b], make_frame)
    assert not any(refused[:22])
    assert all(refused[24:42])
    assert refused[42:] == [False, False]


def test_buffers_that_come_round_again_are_frozen_too(make_frame, hd_pictures):
    refused = _refused(Frozen(2.0), hd_pictures[:4] * 10, make_frame)
    assert not any(refused[:20])
    assert all(refused[32:])


def test_a_change_of_one_pixel_is_news(make_frame, hd_pictures):
    pictures = []
    for number in range(60):
        picture = hd_pictures[0].copy()
        picture[5, number] = 255
        pictures.append(picture)
    assert not any(_refused(Frozen(1.0), pictures, make_frame))


def test_a_few_equal_frames_are_no_proof(make_frame, hd_pictures):
    """A camera of one frame in four seconds that sees the same twice."""
    assert _refused(Frozen(5.0), [hd_pictures[0]] * 3, make_frame, fps=0.25) == [False] * 3


def test_the_reason_tells_how_long(make_frame, hd_pictures):
    gate = Frozen(1.0)
    refusals = [gate.check(make_frame(hd_pictures[0], at_s=i / 10)) for i in range(40)]
    assert refusals[-1].reason == "frozen: no new picture for 3.8 s"


def test_it_costs_little(make_frame, hd_pictures, cost_us):
    frames = [make_frame(picture, number=i) for i, picture in enumerate(hd_pictures)]
    assert cost_us(Frozen(1e9), frames[:1] + frames) < 20_000
