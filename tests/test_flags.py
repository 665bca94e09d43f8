import itertools
import shlex
import sys

import pytest

from training.flags import Parser, training_parser
from training.process import as_typed


def parse(*flags):
    parser = training_parser("A script.", 7, 5, 0.5, log_dir=None)
    return parser.parse_args(flags)


@pytest.mark.parametrize(
    "flag, text, value",
    [
        ("max_steps", "1000", 1000),
        ("batch_size", "60000", 60000),
        ("learning_rate", "1e-4", 1e-4),
        ("seed", "0", 0),
        ("data_dir", "a folder", "a folder"),
    ],
)
def test_flags_take_values_that_make_sense(flag, text, value):
    assert getattr(parse(f"--{flag}={text}"), flag) == value


@pytest.mark.parametrize(
    "flag, text",
    [
        *itertools.product(["max_steps"], ["0", "-1", "1.5", "1e3", "ten", "", "9" * 30]),
        *itertools.product(["batch_size"], ["0", "60001", "-3", "2.5"]),
        *itertools.product(["learning_rate"], ["0", "-0.5", "nan", "inf", "fast", ""]),
        *itertools.product(["seed"], ["-1", "0.5", str(2**31 - 1), "x"]),
    ],
)
def test_flags_refuse_values_that_make_no_sense(flag, text, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(f"--{flag}={text}")
    assert caught.value.code == 2
    assert f"argument --{flag}: " in capsys.readouterr().err


def test_help_shows_the_default_of_every_flag_that_has_one(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    shown = " ".join(capsys.readouterr().out.split())
    for default in ("MNIST_data", "7", "5", "0.5"):
        assert f"(default: {default})" in shown
    assert "None" not in shown


def test_a_tilde_in_a_path_stands_for_home(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert parse("--data_dir=~/MNIST").data_dir == "/somewhere/MNIST"


@pytest.mark.parametrize(
    "typed, named",
    [
        ("--lr=0.1", "--learning_rate"),
        ("-lr 0.1", "--learning_rate"),
        ("--steps 9", "--max_steps"),
        ("--epochs 9", "--max_steps"),
        ("--max-steps=9", "--max_steps"),
        ("--Seed 1", "--seed"),
        ("--batchsize=9 --datadir=x", "--batch_size and --data_dir"),
    ],
)
def test_a_misspelled_flag_is_answered_with_the_one_that_may_be_meant(typed, named, capsys):
    with pytest.raises(SystemExit):
        parse(*typed.split())
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(f"error: unrecognized arguments: {typed}; did you mean {named}?")


@pytest.mark.parametrize("typed", ["--momentum=0.9", "--optimizer adam", "--gpu", "extra"])
def test_a_flag_that_is_near_to_none_is_refused_without_a_guess(typed, capsys):
    with pytest.raises(SystemExit):
        parse(*typed.split())
    assert capsys.readouterr().err.endswith(f"error: unrecognized arguments: {typed}\n")


def test_a_synonym_is_offered_only_where_its_flag_exists(capsys):
    with pytest.raises(SystemExit):
        Parser().parse_args(["--lr=0.1"])
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "environment, version, start",
    [
        ({}, (3, 7, 16), [sys.executable]),
        ({"UV": "/bin/uv"}, (3, 7, 16), ["uv", "run"]),
        ({"UV": "/bin/uv"}, (3, 13, 1), ["uv", "run", "--python", "3.13"]),
        ({"TF_CONFIG": '{"a": 1}'}, (3, 7, 16), ["env", 'TF_CONFIG={"a": 1}', sys.executable]),
    ],
)
def test_the_command_as_typed_is_a_line_for_a_shell(environment, version, start, monkeypatch):
    for name in ("UV", "TF_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "version_info", version)
    words = ["train.py", "--data_dir=it's here", "--seed", "0"]
    monkeypatch.setattr(sys, "argv", words)
    assert shlex.split(as_typed("--log_dir=a b")) == [*start, *words, "--log_dir=a b"]


def test_an_empty_path_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse("--data_dir=")
    assert "argument --data_dir: is empty, expected a path" in capsys.readouterr().err
