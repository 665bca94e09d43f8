"""All that can be done with a run, in folders of odd names."""

import importlib
import os
import re

import pytest

import classify_digits
import draw_figures
import mnist_softmax
from short_runs import ROOT
from training.process import UserError

PICTURE = os.path.join(ROOT, "handwriting_samples", "three.png")
FLAGS = {
    "mnist_softmax": "--log_dir",
    "mnist_deep": "--log_dir",
    "fully_connected_feed": "--log_dir",
    "mnist_layers_estimator": "--model_dir",
}


@pytest.mark.parametrize("script", FLAGS)
@pytest.mark.parametrize(
    "current, name",
    [("[course] *?\\, {1}", "logs/{time}"), ("plain", f" -:;%#'\"{{$~é数{200 * 'n'} ")],
    ids=["in an odd folder", "with an odd name"],
)
def test_a_run_is_resumed_drawn_and_used(
    script, current, name, run_shortly, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    (tmp_path / current).mkdir()
    monkeypatch.chdir(tmp_path / current)
    module, flag = importlib.import_module(script), FLAGS[script]
    out = run_shortly(module, "--max_steps=2", "--batch_size=5", f"{flag}={name}")
    folder = re.search("^logs and checkpoints are in (.*)$", out, re.MULTILINE).group(1)
    name = os.path.abspath(folder)
    out = run_shortly(module, "--max_steps=3", "--batch_size=5", f"{flag}={name}")
    assert "resuming at step 2 from" in out
    draw_figures.main([folder, "--fake_data", "--figures_dir=figures"])
    assert all(os.path.exists(path) for path in capsys.readouterr().out.splitlines()[1:])
    classify_digits.main([name, PICTURE])
    assert re.match(rf"{re.escape(PICTURE)}: \d", capsys.readouterr().out)


@pytest.mark.parametrize("name", ["a*", "a?", "a[1]", "a\\"])
def test_a_run_that_was_renamed_so_that_tensorflow_misreads_it_is_refused(
    name, run_shortly, tmp_path
):
    run_shortly(mnist_softmax, "--max_steps=1", "--log_dir=run")
    (tmp_path / "run").rename(tmp_path / name)
    for use in (
        lambda: run_shortly(mnist_softmax, f"--log_dir={name}"),
        lambda: draw_figures.main([name, "--fake_data"]),
        lambda: classify_digits.main([name, PICTURE]),
    ):
        with pytest.raises(UserError, match="misreads a path with"):
            use()
