"""Locks: pins are read whole or refused, and split by what a CUDA build of torch alone needs."""

import pytest

from lintune.errors import CorruptFileError
from pipeline.lock import cuda_alone, supported, written
from pipeline.requirements import pins

HASH = "0123456789abcdef" * 4
LINUX = "sys_platform == 'linux'"


def line(pin: str, *via: str) -> str:
    asked = [f"    # via {via[0]}"] if len(via) == 1 else ["    # via", *(f"    #   {name}" for name in via)]
    return "\n".join([f"{pin} \\", f"    --hash=sha256:{HASH}", *(asked if via else [])]) + "\n"


TEXT = "# a comment\n--only-binary :all:\n" + "".join(
    [
        line("torch==2.0", "lintune (pyproject.toml)", "peft"),
        line("Sym.Py==1.0", "torch"),
        line(f"triton==3.0 ; {LINUX}", "torch"),
        line(f"nvidia-a==1.0 ; {LINUX}", "torch", "nvidia-b"),
        line(f"nvidia-b==1.0 ; {LINUX}", "nvidia-a"),
        line(f"keyring==1.0 ; {LINUX}", "torch", "twine"),
        line(f"atheris==1.0 ; {LINUX}", "lintune (pyproject.toml)"),
    ]
)


def test_a_pin_is_read_with_its_marker_its_hashes_and_who_asks_for_it() -> None:
    torch, sympy, triton, *_ = pins(TEXT)
    assert (torch.name, torch.version, torch.hashes) == ("torch", "2.0", frozenset([HASH]))
    assert torch.via == {"lintune", "peft"}
    assert (sympy.name, sympy.via) == ("sym-py", frozenset(["torch"]))
    assert triton.needed("linux")
    assert not triton.needed("darwin")


def test_a_lock_is_written_as_it_was_read() -> None:
    made = written(pins(TEXT), {"only-binary": [":all:"], "no-binary": ["triton", "absent"]})
    assert pins(made) == pins(TEXT)
    options = [text for text in made.splitlines() if text.startswith("--")]
    assert options == ["--only-binary :all:", "--no-binary triton"]


@pytest.mark.parametrize(
    "wrong",
    [
        f"numpy>=2 --hash=sha256:{HASH}",
        f"numpy==2.* --hash=sha256:{HASH}",
        "numpy==2.0",
        f"numpy==2.0 --hash=sha256:{HASH[:-1]}",
        f"numpy==2.0 --hash=md5:{HASH[:32]}",
        f"numpy @ file.whl \\\n    --hash=sha256:{HASH}",
        "not a requirement",
    ],
)
def test_a_line_that_is_no_pin_with_a_hash_is_refused(wrong: str) -> None:
    with pytest.raises(CorruptFileError, match="lock"):
        pins(f"{wrong}\n")


def test_what_only_a_cuda_build_needs_is_split_off_and_nothing_else() -> None:
    assert [pin.name for pin in cuda_alone(pins(TEXT))] == ["triton", "nvidia-a", "nvidia-b"]


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("sys_platform == 'linux'", True),
        ("sys_platform == 'darwin' and platform_machine == 'arm64'", True),
        ("python_full_version < '3.11.5'", True),
        ("sys_platform == 'win32'", False),
        ("sys_platform == 'emscripten'", False),
        ("implementation_name == 'pypy'", False),
    ],
)
def test_what_no_supported_machine_needs_is_left_out(marker: str, expected: bool) -> None:
    (pin,) = pins(line(f"numpy==2.0 ; {marker}"))
    assert supported(pin) is expected
