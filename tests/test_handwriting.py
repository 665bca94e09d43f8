import struct
import zlib

import numpy
import pytest
from PIL import Image

from drawn_digits import brushed, printed
from trained.handwriting import LARGEST_PICTURE, PictureError, digit_of, read_picture


def save(picture, path):
    picture.save(str(path))
    return str(path)


@pytest.fixture
def seven():
    return brushed(7, (211, 173), ink=20, paper=240, thickness=0.1)


def assert_alike(found, expected):
    """Allows what scaling and JPEG do to the edges of strokes."""
    assert numpy.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("draw", [brushed, printed])
def test_a_digit_fits_into_20_pixels_and_its_mass_into_the_middle(draw, digit):
    options = {"thickness": 0.1} if draw is brushed else {}
    found = digit_of(draw(digit, (301, 187), ink=0, paper=255, **options))
    assert (found.shape, found.dtype) == ((28, 28), numpy.float32)
    assert found.min() == 0
    assert found.max() == 1
    extent = [numpy.ptp(numpy.flatnonzero(found.any(axis=axis))) + 1 for axis in (0, 1)]
    assert max(extent) == 20
    centre = [(found.sum(axis=axis) * numpy.arange(28)).sum() / found.sum() for axis in (0, 1)]
    assert numpy.abs(numpy.subtract(centre, 14)).max() <= 0.5


def test_a_picture_in_mnists_own_form_stays_as_it_is():
    digit = digit_of(brushed(3, (200, 200), ink=0, paper=255, thickness=0.1))
    assert_alike(digit_of(255 * digit), digit)


def test_light_on_dark_is_the_same_as_dark_on_light(seven):
    grey = numpy.asarray(seven)
    numpy.testing.assert_allclose(digit_of(255 - grey), digit_of(grey), atol=1e-5)


@pytest.mark.parametrize("ink, paper", [(0, 255), (90, 160), (200, 255), (255, 0), (120, 60)])
def test_weak_contrast_is_stretched(seven, ink, paper):
    weak = brushed(7, seven.size, ink, paper, thickness=0.1)
    assert_alike(digit_of(weak), digit_of(seven))


@pytest.mark.parametrize("size", [(100, 120), (1999, 400), (3000, 4001)])
def test_the_size_of_the_picture_does_not_matter(seven, size):
    assert_alike(digit_of(brushed(7, size, 0, 255, thickness=0.1)), digit_of(seven))


def test_where_the_digit_is_in_the_picture_does_not_matter(seven):
    moved = Image.new("L", (900, 700), 240)
    moved.paste(seven, (600, 40))
    assert_alike(digit_of(moved), digit_of(seven))


def test_noise_on_the_paper_is_left_out(seven):
    noise = numpy.random.RandomState(0).normal(scale=8, size=(173, 211))
    assert_alike(digit_of(numpy.clip(numpy.asarray(seven) + noise, 0, 255)), digit_of(seven))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.jpeg"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "CMYK", "LA", "RGBA", "I"])
def test_files_of_every_kind_give_the_same_digit(seven, tmp_path, name, mode):
    if name != "a.png" and mode in ("P", "LA", "RGBA", "I"):
        mode = "RGB"
    picture = seven.convert(mode, dither=Image.Dither.NONE)
    if mode == "I":  # 16 bits
        picture = Image.fromarray(numpy.asarray(seven).astype(numpy.int32) * 257)
    if mode == "CMYK" and name == "a.png":
        name = "a.jpg"
    found = read_picture(save(picture, tmp_path / name))
    assert (found.shape, found.dtype) == ((784,), numpy.float32)
    assert_alike(found, digit_of(seven))


@pytest.mark.parametrize("ink", ["black", "white"])
def test_ink_on_a_transparent_background_is_found(seven, tmp_path, ink):
    picture = Image.new("RGBA", seven.size, ink)
    picture.putalpha(seven.point(lambda grey: 255 - grey))
    assert_alike(read_picture(save(picture, tmp_path / "a.png")), digit_of(seven))


def test_a_photo_that_says_it_lies_on_its_side_is_turned(seven, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    seven.rotate(90, expand=True).save(str(tmp_path / "a.jpg"), exif=exif)
    assert_alike(read_picture(str(tmp_path / "a.jpg")), digit_of(seven))


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_picture_is_refused(tmp_path, grey):
    path = save(Image.new("L", (50, 60), grey), tmp_path / "blank.png")
    with pytest.raises(PictureError, match=f"{path}: shows nothing"):
        read_picture(path)


def test_an_enormous_picture_is_refused_before_it_is_read(tmp_path):
    path = save(Image.new("1", (LARGEST_PICTURE // 1000 + 1, 1000)), tmp_path / "large.png")
    with pytest.raises(PictureError, match=f"{path}: is 50001 x 1000 pixels large"):
        read_picture(path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_a_file_that_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(PictureError, match=f"{tmp_path}/a.png: cannot be read"):
        read_picture(str(tmp_path / "a.png"))


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_file_that_was_cut_short_is_refused(seven, tmp_path, name, share):
    path = tmp_path / name
    save(seven, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(PictureError, match="cannot be read"):
        read_picture(str(path))


def test_a_picture_whose_header_is_damaged_is_refused(seven, tmp_path):
    path = tmp_path / "seven.png"
    seven.save(str(path))
    content = path.read_bytes()
    # The length of the first chunk, IHDR, is 13 bytes; its checksum is that of what it holds.
    start = content.index(b"IHDR")
    chunk = content[start : start + 8]
    checksum = struct.pack(">I", zlib.crc32(chunk))
    rest = content[start + 4 + 13 + 4 :]
    path.write_bytes(content[: start - 4] + struct.pack(">I", 4) + chunk + checksum + rest)
    with pytest.raises(PictureError, match="cannot be read as a PNG or JPEG"):
        read_picture(str(path))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(PictureError, match=f"{tmp_path}: cannot be read"):
        read_picture(str(tmp_path))


def test_a_file_that_is_not_there_is_refused_in_its_own_words(tmp_path):
    with pytest.raises(PictureError, match="nowhere.png: there is no such file"):
        read_picture(str(tmp_path / "nowhere.png"))
