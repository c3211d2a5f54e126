"""Picture files: orientation, depth, alpha, and what is no picture."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import ImageError, MissingFileError
from edgecnn.preprocessing.picture import _has_jpeg_end as has_jpeg_end
from edgecnn.preprocessing.picture import decode_picture, list_pictures, read_picture


def encoded(pixels: NDArray[np.generic], suffix: str = ".png") -> bytes:
    done, content = cv2.imencode(suffix, pixels)
    assert done
    return content.tobytes()


def upright() -> NDArray[np.uint8]:
    """Three coloured quarters and a black one, large enough to survive JPEG."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48] = (0, 0, 255)
    picture[:32, 48:] = (0, 255, 0)
    picture[32:, :48] = (255, 0, 0)
    return picture


#: How a camera stores an upright scene under each orientation (Exif 2.3, tag 0x0112).
STORED = {
    1: lambda p: p,
    2: lambda p: np.flip(p, 1),
    3: lambda p: np.rot90(p, 2),
    4: lambda p: np.flip(p, 0),
    5: lambda p: np.transpose(p, (1, 0, 2)),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.rot90(np.transpose(p, (1, 0, 2)), 2),
    8: lambda p: np.rot90(p, -1),
}


def with_orientation(jpeg: bytes, orientation: int, order: str = "little") -> bytes:
    """Put an Exif segment after the JPEG's start marker."""
    mark = "<" if order == "little" else ">"
    tiff = (b"II" if order == "little" else b"MM") + struct.pack(f"{mark}HI", 42, 8)
    # Two entries: one that is not looked for (Make, "ab"), and the orientation.
    tiff += struct.pack(f"{mark}H", 2)
    tiff += struct.pack(f"{mark}HHI4s", 0x010F, 2, 3, b"ab\0\0")
    tiff += struct.pack(f"{mark}HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff += struct.pack(f"{mark}I", 0)
    body = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return jpeg[:2] + segment + jpeg[2:]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, order: str) -> None:
    stored = np.ascontiguousarray(STORED[orientation](upright()))
    content = with_orientation(encoded(stored, ".jpg"), orientation, order)
    picture = decode_picture(content)
    assert picture.shape == (64, 96, 3)
    # Quarters are compared in their middles, where JPEG's ringing does not reach.
    for y, x in ((16, 24), (16, 72), (48, 24), (48, 72)):
        np.testing.assert_allclose(picture[y, x].astype(int), upright()[y, x], atol=8)


def test_orientation_agrees_with_opencv() -> None:
    """OpenCV turns pictures itself when it is asked for colour: the same way."""
    for orientation in range(1, 9):
        stored = np.ascontiguousarray(STORED[orientation](upright()))
        content = with_orientation(encoded(stored, ".jpg"), orientation)
        theirs = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(decode_picture(content), theirs)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_impossible_orientation_is_upright(orientation: int) -> None:
    content = with_orientation(encoded(upright(), ".jpg"), orientation)
    assert decode_picture(content).shape == (64, 96, 3)


def test_broken_exif_is_upright() -> None:
    jpeg = encoded(upright(), ".jpg")
    for body in (
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    ):
        segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        assert decode_picture(jpeg[:2] + segment + jpeg[2:]).shape == (64, 96, 3)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".webp", ".ppm"])
def test_lossless_files_keep_their_pixels(suffix: str, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    quality = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    path = tmp_path / f"picture{suffix}"
    assert cv2.imwrite(str(path), picture, quality)
    np.testing.assert_array_equal(read_picture(path), picture)


def test_grey_sixteen_bit_and_alpha_files() -> None:
    grey = np.array([[0, 128, 255]], np.uint8)
    assert decode_picture(encoded(grey))[0].tolist() == [[v] * 3 for v in (0, 128, 255)]
    deep = np.array([[0, 257 * 100, 65535]], np.uint16)
    assert decode_picture(encoded(deep))[0].tolist() == [[v] * 3 for v in (0, 100, 255)]
    clear = np.array([[[200, 100, 50, 0], [200, 100, 50, 255]]], np.uint8)
    assert decode_picture(encoded(clear))[0].tolist() == [[0, 0, 0], [200, 100, 50]]


def test_path_with_other_letters(tmp_path: Path) -> None:
    path = tmp_path / "Grüße Ψ 图.png"
    path.write_bytes(encoded(upright()))
    assert read_picture(path).shape == (64, 96, 3)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a" + bytes(20), bytes(1000)],
    ids=["empty", "text", "png header", "jpeg header", "gif header", "zeros"],
)
def test_what_is_no_picture_is_one_line(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_picture(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_cut_short_is_refused(suffix: str, kept: float) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    content = encoded(picture, suffix)
    with pytest.raises(ImageError):
        decode_picture(content[: int(len(content) * kept)])


def test_bytes_after_the_end_do_not_matter() -> None:
    """Some phones append a video to the picture."""
    jpeg = encoded(upright(), ".jpg")
    for count in (0, 1, 10, 5000):
        assert decode_picture(jpeg + bytes(count)).shape == (64, 96, 3)


def test_a_thumbnail_does_not_stand_in_for_the_end() -> None:
    """A picture inside the Exif segment has an end marker of its own."""
    thumbnail = encoded(upright()[::4, ::4], ".jpg")
    body = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    jpeg = encoded(picture, ".jpg")
    whole = jpeg[:2] + segment + jpeg[2:]
    assert decode_picture(whole).shape == (200, 200, 3)
    with pytest.raises(ImageError):
        decode_picture(whole[: len(whole) // 2])
    # OpenCV 5 refuses it by itself; older ones fill up with grey and rely on this.
    assert has_jpeg_end(whole)
    assert not has_jpeg_end(whole[: len(whole) // 2])


def test_missing_and_unreadable(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is not a file"):
        read_picture(tmp_path)
    # Opens, but cannot be read, not even by root.
    with pytest.raises(ImageError, match="cannot read"):
        read_picture(Path("/proc/self/mem"))


def test_list_pictures(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "sub/c.webp", "notes.txt", "d.png.part"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    found = [str(path.relative_to(tmp_path)) for path in list_pictures(tmp_path)]
    assert found == ["a.jpg", "b.PNG", "sub/c.webp"]


def test_list_pictures_of_none(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no pictures in"):
        list_pictures(tmp_path)
    with pytest.raises(MissingFileError, match="no such folder"):
        list_pictures(tmp_path / "none")


@pytest.mark.data
def test_real_photos(data_root: Path) -> None:
    photos = list_pictures(data_root / "imagenet-samples")
    assert len(photos) == 200
    for path in photos[:20]:
        picture = read_picture(path)
        theirs = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(picture, theirs)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="is not a file"):
        read_picture(tmp_path / "pipe.png")
