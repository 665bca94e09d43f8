import re

import numpy
import pytest

from drawn_digits import twenty_pictures
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


def assert_fails(process, *parts):
    code, _, err = finish(process)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"{SCRIPT}.py: error: ")
    for part in parts:
        assert part in err


@pytest.mark.parametrize(
    "content, said",
    [(None, "there is no such file"), (b"not a picture", "cannot be read as a PNG or JPEG")],
)
def test_a_picture_that_cannot_be_read_ends_in_one_line(tmp_path, content, said):
    path = tmp_path / "a.png"
    if content:
        path.write_bytes(content)
    assert_fails(classify(tmp_path / "model", path), f"{path}: {said}")


def test_a_folder_without_a_trained_network_is_refused(tmp_path):
    _, _, picture = next(iter(twenty_pictures()))
    picture.save(str(tmp_path / "3.png"))
    assert_fails(classify(tmp_path, tmp_path / "3.png"), f"{tmp_path}: holds no checkpoint")
