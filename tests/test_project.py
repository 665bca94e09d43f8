import pathlib
import re
import shlex
import subprocess
import sys

import importlib_metadata
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


def test_every_script_is_installed_with_the_packages():
    pyproject = (ROOT / "pyproject.toml").read_text()
    for script in ROOT.glob("*.py"):
        assert f'"{script.stem}"' in pyproject


def readme_commands(program):
    text = (ROOT / "README.md").read_text()
    return [line.strip() for line in text.splitlines() if line.startswith(f"    {program}")]


def test_the_flags_of_the_readmes_commands_exist():
    commands = readme_commands("uv run mnist_")
    assert commands
    for command in commands:
        _, _, script, *flags = shlex.split(command, comments=True)
        done = subprocess.run([sys.executable, str(ROOT / script), *flags, "--help"])
        assert done.returncode == 0


def test_the_readmes_repl_snippet_runs_as_it_is_pasted(tmp_path, capsys):
    text = (ROOT / "README.md").read_text()
    start = text.index("    import input_data")
    snippet = "\n".join(line[4:] for line in text[start:].split("\n\n")[0].splitlines())
    snippet = snippet.replace("one_hot=True", "one_hot=True, fake_data=True")
    names = {}
    exec(snippet, names)
    assert names["batch_xs"].shape == (100, 784)
