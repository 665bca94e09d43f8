import itertools
import os
import struct
import zlib

import numpy
import pytest
from PIL import Image, ImageDraw

import classify_digits
import mnist_deep
import mnist_softmax
from digits.handwriting import (
    HARDLY_A_DIGIT,
    LARGEST_PICTURE,
    SEVERAL_DIGITS,
    TOUCHES_THE_FRAME,
    PictureError,
    _labels,
    find_digit,
    read_digit,
)
from digits.network import Network
from drawn_digits import (
    ROOT,
    STYLES,
    brushed,
    photo,
    printed,
    samples,
    written,
)

SAMPLES = os.path.join(ROOT, "handwriting_samples")


def digit_of(grey):
    return find_digit(grey).pixels


def read_picture(path):
    return read_digit(path).pixels.reshape(-1)


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


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.webp"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "CMYK", "LA", "RGBA", "I"])
def test_files_of_every_kind_give_the_same_digit(seven, tmp_path, name, mode):
    if name != "a.png" and mode in ("P", "LA", "RGBA", "I"):
        mode = "RGB"
    picture = seven.convert(mode, dither=Image.Dither.NONE)
    if mode == "I":  # 16 bits
        picture = Image.fromarray(numpy.asarray(seven).astype(numpy.uint16) * 257)
    if mode == "CMYK":
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


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.webp"])
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
    with pytest.raises(PictureError, match="cannot be read as a PNG, JPEG, BMP or WebP"):
        read_picture(str(path))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(PictureError, match=f"{tmp_path}: cannot be read"):
        read_picture(str(tmp_path))


def test_a_file_that_is_not_there_is_refused_in_its_own_words(tmp_path):
    with pytest.raises(PictureError, match="nowhere.png: there is no such file; check"):
        read_picture(str(tmp_path / "nowhere.png"))


def agreement(pixels, ink):
    """Correlates what was found, [28, 28], with ink that was written, wherever that is put."""
    rows, columns = (numpy.flatnonzero((ink > 0.3).any(axis=axis)) for axis in (1, 0))
    written_ink = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = 20 / max(written_ink.size)
    size = [max(1, round(length * scale)) for length in written_ink.size]
    expected = Image.new("F", (28, 28))
    expected.paste(
        written_ink.convert("F").resize(size, Image.BOX), ((28 - size[0]) // 2, (28 - size[1]) // 2)
    )
    moves = range(-4, 5)  # as far as the free rim goes
    return max(
        numpy.corrcoef(pixels.ravel(), numpy.roll(expected, (down, right), (0, 1)).ravel())[0, 1]
        for down in moves
        for right in moves
    )


# The others take a minute.
QUICK_STYLES = ("pencil", "falling by 80")


@pytest.mark.parametrize(
    "style",
    [
        style if style in QUICK_STYLES else pytest.param(style, marks=pytest.mark.thorough)
        for style in STYLES
    ],
)
def test_nine_of_ten_written_digits_are_seen_as_they_were_written(tmp_path, style):
    agreements = []
    for digit in range(10):
        picture, ink = STYLES[style].draw(digit, seed=0)
        found = read_picture(save(picture, tmp_path / f"{digit}.png"))
        agreements.append(agreement(found.reshape(28, 28), ink))
    assert sum(value > 0.85 for value in agreements) >= 9, agreements


@pytest.fixture(scope="module")
def deep_run(mnist_dir, tmp_path_factory):
    """The folder of a deep network that has learned for two to three minutes."""
    folder = str(tmp_path_factory.mktemp("deep"))
    flags = [f"--data_dir={mnist_dir}", "--seed=0", "--max_steps=2500"]
    mnist_deep.main([*flags, f"--log_dir={folder}"])
    return folder


@pytest.mark.thorough
def test_nine_of_ten_digits_are_read_in_each_style(deep_run, tmp_path):
    pictures = list(itertools.product(STYLES, range(10), range(3)))
    seen = []
    for style, digit, seed in pictures:
        picture, _ = STYLES[style].draw(digit, seed)
        seen.append(read_picture(save(picture, tmp_path / "a.png")))
    read = Network(deep_run).probabilities(numpy.stack(seen)).argmax(axis=1)
    right = dict.fromkeys(STYLES, 0)
    for (style, digit, _), told in zip(pictures, read):
        right[style] += told == digit
    assert min(right.values()) >= 27, right


@pytest.mark.thorough
def test_the_samples_are_read_without_doubt(deep_run, capsys):
    names = {"three.png": 3, "seven.jpg": 7, "eight.jpg": 8}
    classify_digits.main([deep_run, *(os.path.join(SAMPLES, name) for name in names)])
    told = capsys.readouterr().out.splitlines()[::2]
    assert told == [f"{SAMPLES}/{name}: {digit}" for name, digit in names.items()]


def test_the_samples_are_the_small_pictures_that_the_project_draws():
    assert sorted(os.listdir(SAMPLES)) == sorted(samples())
    for name, drawn in samples().items():
        path = os.path.join(SAMPLES, name)
        assert os.path.getsize(path) < 20_000
        with Image.open(path) as shipped:
            difference = numpy.subtract(shipped, drawn, dtype=float)
        assert numpy.abs(difference).mean() < 3, name


def on_paper(ink, light=1.0):
    """Takes a photo of ink, an array of shape [rows, columns], from 0 to 1."""
    return numpy.asarray(photo(235 - 195 * ink, numpy.random.RandomState(0), light))


def test_ink_that_touches_the_frame_is_doubted():
    ink = written(3, (300, 300), seed=0, centre=(0.5, 0.2))
    assert find_digit(on_paper(ink)).doubts == [TOUCHES_THE_FRAME]


def test_two_digits_are_doubted_and_the_larger_one_is_read():
    two = written(2, (500, 300), seed=0, height=0.6, centre=(0.3, 0.5))
    five = written(5, (500, 300), seed=0, height=0.5, centre=(0.7, 0.5))
    found = find_digit(on_paper(two + five))
    assert found.doubts == [SEVERAL_DIGITS]
    assert agreement(found.pixels, two) > 0.9


def test_two_digits_that_touch_are_doubted():
    ink = sum(written(3, (500, 300), seed=0, centre=(x, 0.5)) for x in (0.4, 0.6))
    assert find_digit(on_paper(numpy.minimum(ink, 1))).doubts == [SEVERAL_DIGITS]


@pytest.mark.thorough
@pytest.mark.parametrize("style", ["thin", "thick", "28x28", "dark table", "dark lines"])
def test_a_whole_digit_that_is_alone_is_not_doubted(tmp_path, style):
    doubts = []
    for digit in range(5):
        picture, _ = STYLES[style].draw(digit, seed=1)
        doubts += read_digit(save(picture, tmp_path / "a.png")).doubts
    assert doubts == []


def test_a_short_and_thick_stroke_is_hardly_a_digit():
    ink = numpy.zeros((300, 300))
    ink[120:180, 140:160] = 1
    assert HARDLY_A_DIGIT in find_digit(on_paper(ink)).doubts


@pytest.mark.parametrize("noise", [3, 25])
def test_noise_on_a_blank_sheet_is_refused(noise):
    grey = 230 + numpy.random.RandomState(0).normal(scale=noise, size=(480, 640))
    with pytest.raises(PictureError, match="shows nothing like a digit"):
        digit_of(numpy.clip(grey, 0, 255))


def test_a_blank_sheet_on_a_dark_table_is_refused():
    grey = numpy.full((480, 640), 50.0)
    grey[60:420, 80:560] = 230
    with pytest.raises(PictureError, match="shows nothing like a digit"):
        digit_of(grey)


def test_a_blank_sheet_half_in_the_shadow_is_refused():
    grey = numpy.full((480, 640), 230.0)
    grey[:, 300:] = 130
    with pytest.raises(PictureError, match="shows nothing like a digit"):
        digit_of(grey)


def test_a_stroke_of_its_own_belongs_to_the_digit_beside_it():
    ink = written(4, (400, 400), seed=0)
    cut = ink.copy()
    cut[:, 206:212] = 0  # between the two strokes of the 4
    assert agreement(digit_of(on_paper(cut)), ink) > 0.85


def test_dirt_far_from_the_digit_is_left_out():
    ink = written(6, (400, 400), seed=0)
    dirty = ink.copy()
    dirty[20:60, 30:36] = dirty[350:356, 300:380] = 1
    found = find_digit(on_paper(dirty))
    assert agreement(found.pixels, ink) > 0.9
    assert found.doubts == []


def test_ink_in_a_shadow_is_as_strong_as_beside_it():
    ink = written(1, (300, 300), seed=0)
    light = numpy.ones((300, 300))
    light[150:] = 0.35
    found = digit_of(on_paper(ink, light))
    assert agreement(found, ink) > 0.9
    upper, lower = found[:13].max(), found[15:].max()
    assert lower == pytest.approx(upper, abs=0.15)


def test_the_edge_of_a_round_shadow_is_not_taken_for_ink():
    ink = written(5, (400, 400), seed=0)
    rows, columns = numpy.indices(ink.shape)
    light = numpy.where(numpy.hypot(rows - 230, columns - 100) < 110, 0.5, 1)
    assert agreement(digit_of(on_paper(ink, light)), ink) > 0.9


def test_the_bar_of_a_closely_cut_out_seven_is_no_ruled_line():
    seven = Image.new("L", (200, 300))
    ImageDraw.Draw(seven).line((0, 3, 197, 3, 60, 299), fill=255, width=6)
    ink = numpy.asarray(seven) / 255
    assert agreement(digit_of(255 - 255 * ink), ink) > 0.9


def test_pencil_is_found_on_a_table_that_is_darker_than_it():
    ink = written(4, (480, 400), seed=0, height=0.4, thickness=0.06)
    grey = on_paper(0.3 * ink).copy()
    for table in (grey[:40], grey[-40:], grey[:, :40], grey[:, -40:]):
        table[:] = 40
    assert agreement(digit_of(grey), ink) > 0.9


def test_the_sheet_on_a_dark_table_is_not_taken_for_a_light_digit():
    picture, ink = STYLES["dark table"].draw(4, seed=2)
    assert agreement(digit_of(picture), ink) > 0.9


def flooded(mask):
    """Numbers what hangs together in a mask, by one flood after the other."""
    numbers = numpy.zeros(mask.shape, int)
    for start in zip(*numpy.nonzero(mask)):
        pending, number = [start], numbers[start] or numbers.max() + 1
        while pending:
            row, column = pending.pop()
            inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
            if inside and mask[row, column] and numbers[row, column] == 0:
                numbers[row, column] = number
                pending += [(row + down, column + right) for down, right in STEPS]
    return numbers


STEPS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.45, 0.6, 1])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (25, 40)])
def test_what_hangs_together_has_one_number(shape, share):
    mask = numpy.random.RandomState(0).uniform(size=shape) < share
    found, expected = _labels(mask), flooded(mask)
    # Each number of one side belongs to one of the other, 0 to 0.
    pairs = set(zip(found.ravel(), expected.ravel()))
    assert len(pairs) == len(numpy.unique(found)) == len(numpy.unique(expected))
    assert (found == 0).tolist() == (~mask).tolist()
    assert found.max() == expected.max()


@pytest.fixture
def softmax_run(run_shortly, tmp_path):
    """The folder of a network that has learned next to nothing."""
    run_shortly(mnist_softmax, "--max_steps=1", f"--log_dir={tmp_path}/run")
    return f"{tmp_path}/run"


@pytest.fixture
def classify(softmax_run, capsys):
    """Classifies pictures with that network; returns what is printed."""

    def run_main(*arguments):
        classify_digits.main([softmax_run, *arguments])
        return capsys.readouterr().out.splitlines()

    return run_main


def test_what_the_network_saw_is_written_and_named(classify, seven, tmp_path):
    path = save(seven, tmp_path / "my.seven.jpg")
    seen = f"{tmp_path}/new/folder/my.seven-seen.png"
    assert classify(path, f"--seen={tmp_path}/new/folder")[2:] == [f"    seen: {seen}"]
    with Image.open(seen) as picture:
        assert picture.mode == "L"
        numpy.testing.assert_array_equal(picture, numpy.round(255 * read_digit(path).pixels))


def test_nothing_is_overwritten_by_what_the_network_saw(classify, seven, tmp_path):
    path = save(seven, tmp_path / "seven.png")
    theirs = [tmp_path / "seven-seen.png", tmp_path / "seven-seen-2.png"]
    theirs[0].write_text("mine")
    theirs[1].mkdir()
    for _ in range(2):  # the second time, the file is there with the same content
        assert classify(path, f"--seen={tmp_path}")[2:] == [
            f"    seen: {tmp_path}/seven-seen-3.png"
        ]
    assert theirs[0].read_text() == "mine"
    assert not (tmp_path / "seven-seen-4.png").exists()


def test_without_the_flag_nothing_is_written(classify, seven, tmp_path):
    path = save(seven, tmp_path / "seven.png")
    before = sorted(os.listdir(str(tmp_path)))
    assert len(classify(path)) == 2
    assert sorted(os.listdir(str(tmp_path))) == before


def test_doubts_are_printed_beside_the_answer(classify, tmp_path):
    path = save(brushed(0, (100, 100), 0, 255, thickness=0.1, margin=0), tmp_path / "a.png")
    line = classify(path)[0]
    # One step of training leaves it at about a tenth for each digit.
    assert line.startswith(f"{path}: ")
    assert ", but the ink touches the frame and its probability is only 0." in line


def test_an_answer_that_is_sure_is_a_digit_and_nothing_else():
    assert classify_digits.answer(numpy.eye(10)[4], []) == "4"


@pytest.mark.parametrize("probability, doubted", [(0.79, True), (0.81, False)])
def test_a_probability_below_the_least_is_a_doubt(probability, doubted):
    probabilities = numpy.full(10, (1 - probability) / 9)
    probabilities[4] = probability
    expected = "4, but its probability is only 0.79" if doubted else "4"
    assert classify_digits.answer(probabilities, []) == expected


def test_doubts_are_joined_into_one_sentence():
    doubts = [TOUCHES_THE_FRAME, SEVERAL_DIGITS]
    assert classify_digits.answer(numpy.eye(10)[3], doubts) == (
        "3, but the ink touches the frame and there seem to be several digits"
    )
