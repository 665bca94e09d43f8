"""Every flag of every script, with values that no tutorial needs."""

import argparse
import importlib
import itertools
import os
import sys

import pytest

from short_runs import ROOT
from training import script as scripts
from training.flags import path

SAMPLES = os.path.join(ROOT, "handwriting_samples")
TRAININGS = ["fully_connected_feed", "mnist_deep", "mnist_layers_estimator", "mnist_softmax"]
# What the other scripts need beside flags.
WORDS = {
    "classify_digits": {"run_dir": "run", "pictures": os.path.join(SAMPLES, "three.png")},
    "draw_figures": {"run_dir": "nowhere"},
}
SCRIPTS = [*WORDS, *TRAININGS]
NOT_NUMBERS = ["", " ", "ten", "0x10", "1_000", "1,5", "nan", "-inf", "ü", "９", "None", "[]"]
BAD_NUMBERS = [*NOT_NUMBERS, "-1", "-0.1", "1e999", "9" * 400, "0" * 400 + ".5."]
BAD_PATHS = [
    "",
    "/dev/null",
    "/dev/null/x",
    "/proc/nowhere",
    "x" * 300,
    "x" * 9999,
    "\n",
    "\udcff",
]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("input_data.data_set.FAKE_EXAMPLES", 30)
    monkeypatch.setattr("input_data.download.MIRRORS", ("http://127.0.0.1:9/",))
    monkeypatch.setattr("input_data.download.PAUSES", (0,))


def actions(script):
    """The flags of a script that take a value."""
    found = []

    def parse_args(parser, args):
        found.extend(action for action in parser._actions if action.nargs != 0)
        raise SystemExit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
        with pytest.raises(SystemExit):
            importlib.import_module(script).main.parse_flags([])
    return found


def run(script, *flags, capsys):
    """Runs a script as the shell would; returns its exit code and what it said in the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{script}.py", *flags])
        try:
            scripts.run(importlib.import_module(script).main)
            code = 0
        except SystemExit as end:
            code = end.code
    err = capsys.readouterr().err
    return (1, code) if isinstance(code, str) else (code, err)


def flags_of_scripts(are_paths):
    return [
        (script, action.option_strings[0] if action.option_strings else action.dest)
        for script in SCRIPTS
        for action in actions(script)
        if (action.type is path) == are_paths
    ]


@pytest.mark.parametrize("script, flag", flags_of_scripts(are_paths=False))
def test_what_is_no_sensible_number_is_refused_in_one_line(script, flag, capsys):
    for value in BAD_NUMBERS:
        code, err = run(script, f"{flag}={value}", capsys=capsys)
        assert code == 2, value
        assert f"argument {flag}: " in err.splitlines()[-1]


@pytest.mark.parametrize("script, flag", flags_of_scripts(are_paths=True))
def test_a_path_that_makes_no_sense_ends_in_a_line_or_works(script, flag, capsys):
    if script == "classify_digits":
        run("mnist_softmax", "--fake_data", "--max_steps=1", "--log_dir=run", capsys=capsys)
    for value in BAD_PATHS:
        words = dict(WORDS.get(script, {}))
        flags = ["--max_steps=1", "--batch_size=1"] if script in TRAININGS else []
        if flag in words:
            words[flag] = value
        else:
            flags.append(f"{flag}={value}")
        if script != "classify_digits" and flag not in ("--data_dir", "--input_data_dir"):
            flags.append("--fake_data")
        code, err = run(script, *flags, *words.values(), capsys=capsys)
        # A file name may hold a line feed, or nearly anything else.
        assert code in (0, 1, 2), value
        assert "Traceback" not in err
        if code:
            assert "error: " in err
    assert not os.path.exists("nowhere")


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("flag", ["--no_such_flag", "--max_step=3", "extra words", "--fake_data=1"])
def test_a_flag_that_is_not_there_is_refused(script, flag, capsys):
    if flag == "extra words" and script in ("classify_digits", "draw_figures"):
        flag = "--extra words"  # words alone are further pictures or runs
    code, err = run(script, *flag.split(), *WORDS.get(script, {}).values(), capsys=capsys)
    assert code == 2
    assert "error: " in err.splitlines()[-1]


@pytest.mark.parametrize(
    "script, flag",
    list(
        itertools.product(TRAININGS, ["--max_steps=0", "--batch_size=60001", "--learning_rate=0"])
    ),
)
def test_a_number_beyond_the_tutorial_s_sense_is_refused(script, flag, capsys):
    assert run(script, flag, capsys=capsys)[0] == 2
