"""A method of an installed package is found by its entry point, and used by name."""

import subprocess
import sys
from pathlib import Path

METHOD = '''
from dataclasses import dataclass

from lintune.methods import register
from lintune.methods.zoo.lora import LoRA


@register("lora-of-mine")
@dataclass(frozen=True)
class Mine(LoRA):
    """LoRA under another name."""
'''
PROGRAM = """
from lintune.cli.methods import method_of
from lintune.methods import METHODS

print(METHODS["lora-of-mine"].__module__, method_of("lora-of-mine", {"rank": 3}).name)
"""


def test_a_method_of_an_installed_package_is_registered(tmp_path: Path) -> None:
    (tmp_path / "my_methods.py").write_text(METHOD, encoding="utf-8")
    described = tmp_path / "my_methods-0.1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: my-methods\nVersion: 0.1\n")
    (described / "entry_points.txt").write_text("[lintune.methods]\nmine = my_methods\n")
    program = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{PROGRAM}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["my_methods", "lora-r3"]
