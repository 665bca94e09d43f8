import importlib
import os
import pathlib
import re
import shlex
import subprocess
import sys

import importlib_metadata
import pytest
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent


def requirements():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_every_requirement_is_pinned_to_one_version():
    for line in requirements():
        assert re.match(r"^[a-z0-9-]+==[0-9.]+(; .+)?$", line), line


def test_every_package_that_is_needed_is_listed_with_its_version():
    pinned = dict(line.split(";")[0].split("==") for line in requirements())
    pending, seen = list(pinned), set()
    while pending:
        name = pending.pop()
        if name in seen or name == "colorama":  # needed on Windows only
            continue
        seen.add(name)
        assert importlib_metadata.version(name) == pinned.get(name), name
        for requirement in map(Requirement, importlib_metadata.requires(name) or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(requirement.name.lower().replace("_", "-"))
    assert set(pinned) - seen <= {"colorama"}


def test_importing_the_scripts_prints_nothing_writes_nothing_and_builds_nothing(tmp_path):
    code = (
        "import draw_figures, fully_connected_feed, mnist_deep, mnist_layers_estimator\n"
        "import classify_digits, mnist_softmax\n"
        "import tensorflow.compat.v1 as tf\n"
        "assert not tf.get_default_graph().get_operations()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=str(tmp_path),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert (done.returncode, done.stdout) == (0, b"")
    assert list(tmp_path.iterdir()) == []


def test_every_script_is_installed_with_the_packages():
    pyproject = (ROOT / "pyproject.toml").read_text()
    for script in ROOT.glob("*.py"):
        assert f'"{script.stem}"' in pyproject


def documented_commands():
    """Every command in the README and the documents that runs a script of this project."""
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for command in re.findall(r"uv run (\w+\.py[^\n`|;]*)", page.read_text()):
            yield page.name, shlex.split(command, comments=True)


def flags_of(script, capsys):
    with pytest.raises(SystemExit) as end:
        importlib.import_module(script[: -len(".py")]).parse_flags(["--help"])
    assert end.value.code == 0
    return set(re.findall(r"--\w+", capsys.readouterr().out))


def test_the_flags_of_all_documented_commands_exist(capsys):
    commands = list(documented_commands())
    known = {script: flags_of(script, capsys) for script in {words[0] for _, words in commands}}
    assert len(known) == 6
    for page, (script, *words) in commands:
        flags = {word.split("=")[0] for word in words if word.startswith("--")}
        assert flags <= known[script], (page, script)


def test_the_links_of_all_documents_lead_to_a_file():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


def test_every_test_that_the_reliability_page_names_exists():
    page = (ROOT / "docs" / "reliability.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 20
    for path, test in named:
        source = (ROOT / path).read_text()
        assert f"def {test}(" in source if test else "def test_" in source, (path, test)


def test_the_readmes_repl_snippet_runs_as_it_is_pasted(tmp_path, capsys):
    text = (ROOT / "README.md").read_text()
    start = text.index("    import input_data")
    snippet = "\n".join(line[4:] for line in text[start:].split("\n\n")[0].splitlines())
    snippet = snippet.replace("one_hot=True", "one_hot=True, fake_data=True")
    names = {}
    exec(snippet, names)
    assert names["batch_xs"].shape == (100, 784)
