import itertools
import os
import re

import numpy
import pytest
from PIL import Image

from drawn_digits import brushed, twenty_pictures
from short_runs import finish, start

SCRIPT = "classify_digits"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a network that has learned fake digits."""
    folder = tmp_path_factory.mktemp("trained")
    flags = ["--max_steps=150", "--batch_size=20", "--learning_rate=0.1", "--seed=0"]
    code, _, err = finish(start("mnist_layers_estimator", f"--model_dir={folder}", *flags))
    assert code == 0, err
    return folder


def classify(*arguments):
    return start(SCRIPT, *map(str, arguments), fake_data=False)


def test_digits_that_were_drawn_with_a_brush_are_classified(trained, tmp_path):
    paths, expected = [], []
    for name, digit, picture in twenty_pictures():
        if name.startswith("brushed"):
            paths.append(str(tmp_path / f"{name}{'.png' if digit % 3 else '.jpg'}"))
            expected.append(digit)
            picture.save(paths[-1])
    code, out, err = finish(classify(trained, *paths))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    told = [line.rsplit(": ", 1) for line in lines[::2]]
    assert [path for path, _ in told] == paths
    digits = [int(digit[0]) for _, digit in told]
    assert sum(digit == right for digit, right in zip(digits, expected)) >= 8
    for line, digit in zip(lines[1::2], digits):
        probabilities = [float(p) for p in re.findall(r"\d: (\d\.\d{4})", line)]
        assert len(probabilities) == 10
        assert sum(probabilities) == pytest.approx(1, abs=0.001)
        assert numpy.argmax(probabilities) == digit


def test_of_many_pictures_all_good_ones_are_answered_and_each_bad_one_has_its_line(
    trained, tmp_path
):
    three = brushed(3, (100, 100), 0, 255, thickness=0.1)
    three.save(str(tmp_path / "a.png"))
    three.save(str(tmp_path / "d.bmp"))
    three.convert("RGB").save(str(tmp_path / "f.webp"), lossless=True)
    (tmp_path / "b.png").write_bytes(b"not a picture")
    (tmp_path / "c.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    # A warning of Pillow would be a line of its own.
    Image.new("1", (100000, 1000)).save(str(tmp_path / "e.png"))
    paths = [str(tmp_path / f"{name}") for name in sorted(os.listdir(str(tmp_path)))]
    code, out, err = finish(classify(trained, *paths, tmp_path, "nowhere.png"))
    assert code == 1
    answers = out.splitlines()
    assert [line.split(": ")[0] for line in answers[::2]] == [paths[0], paths[3], paths[5]]
    assert answers[1] == answers[3] == answers[5]  # the same probabilities for the same pixels
    told = err.splitlines()
    bad = [paths[1], paths[2], paths[4], str(tmp_path), "nowhere.png"]
    for line, path in itertools.zip_longest(told, bad):
        assert line.startswith(f"{SCRIPT}.py: error: {path}: "), err
        assert "<" not in line
    assert "convert it to PNG or JPEG" in told[1]


def test_a_folder_without_a_trained_network_is_refused(tmp_path):
    brushed(3, (100, 100), 0, 255, thickness=0.1).save(str(tmp_path / "3.png"))
    code, _, err = finish(classify(tmp_path, tmp_path / "3.png"))
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"{SCRIPT}.py: error: {tmp_path}: holds no checkpoint")
