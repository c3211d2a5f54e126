import pytest

from edgecnn.runtime.redact import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://cam.local/live", "rtsp://cam.local/live"),
        ("rtsp://bob:geheim@cam.local:554/live", "rtsp://***@cam.local:554/live"),
        ("rtsp://bob:ge@heim@cam.local/live", "rtsp://***@cam.local/live"),
        ("rtsp://bob:ge/heim@cam.local/live", "rtsp://***@cam.local/live"),
        ("http://geheim@cam/x", "http://***@cam/x"),
        ("http://cam/x?user=bob&password=geheim&w=3", "http://cam/x?user=***&password=***&w=3"),
        ("http://cam/x?access_token=geheim#a", "http://cam/x?access_token=***#a"),
        ("cannot open 'rtsp://bob:geheim@cam/1' now", "cannot open 'rtsp://***@cam/1' now"),
        ("http://cam/photos/@home", "http://cam/photos/@home"),
        ("a mail to bob@example.org", "a mail to bob@example.org"),
        ("HTTPS://bob:geheim@cam/", "HTTPS://***@cam/"),
    ],
)
def test_credentials_are_not_shown(text, shown):
    assert redact(text) == shown
    assert "geheim" not in redact(text)
