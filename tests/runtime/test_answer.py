import threading

import numpy as np

from edgecnn.runtime.processor import Result


def test_further_fields_cannot_replace_the_agreed_keys(make_answer):
    answer = make_answer()
    answer.result = Result("a", 1.0, fields={"beats": [1, 2], "label": "forged"})
    assert answer.row()["label"] == "a"
    assert answer.row()["beats"] == [1, 2]


def test_a_picture_is_drawn_and_encoded_once_for_all(make_answer):
    drawn = []

    def draw():
        drawn.append(1)
        return np.zeros((320, 320, 3), np.uint8)

    answer = make_answer()
    answer.result = Result("a", 1.0, draw=draw)
    threads = [threading.Thread(target=answer.jpeg) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answer.jpeg() is answer.jpeg()
    assert answer.picture().shape == (320, 320, 3)
    assert len(drawn) == 1
