"""The page of dependencies is true of the locks, and every licence on it is one that may be taken."""

import re
from importlib.metadata import metadata

import pytest
from packaging.utils import canonicalize_name

from pipeline.licences import ALLOWED, EXCEPTIONS, PAGE, UNSTATED, allowed, licence, page, refused
from pipeline.requirements import BUILD, CUDA, LOCKS, MAIN, PEERS, TOOLS, pins
from tests.test_environment import here, locked

ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (\S+) \| (.+) \|$", re.MULTILINE)
TEXT = PAGE.read_text(encoding="utf-8")
LICENCES = {
    f"{name}=={version}": what for name, version, what in ROW.findall(TEXT.partition("## Exceptions")[0])
}


def test_the_page_is_what_code_makes_of_the_locks() -> None:
    assert page({path: locked(path) for path in (MAIN, CUDA, BUILD, TOOLS, PEERS)}, LICENCES) == TEXT


def test_every_pin_has_a_licence_that_may_be_taken() -> None:
    # A CPU build is the torch of the main lock under another version.
    pinned = [pin for path in LOCKS for pin in locked(path) if "+" not in pin.version]
    assert set(LICENCES) == {f"{pin.name}=={pin.version}" for pin in pinned}
    assert refused(pinned, LICENCES) == []


def test_the_licence_of_what_is_installed_is_the_one_on_the_page() -> None:
    found = {}
    for name, pin in here(MAIN).items():
        known = metadata(name).json
        about = {
            "license_expression": known.get("license_expression"),
            "license": known.get("license"),
            "classifier": known.get("classifier", []),
        }
        found[f"{name}=={pin.version}"] = licence(name, about)
    assert found == {key: LICENCES[key] for key in found}


def test_no_exception_is_there_for_nothing() -> None:
    names = {pin.name for path in LOCKS for pin in locked(path)}
    assert set(EXCEPTIONS) <= names
    assert set(UNSTATED) <= names
    assert not any(allowed(what) for what, _ in EXCEPTIONS.values())
    assert set(UNSTATED.values()) <= ALLOWED


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"license_expression": "MIT", "classifier": ["License :: OSI Approved :: BSD License"]}, "MIT"),
        ({"license": "Apache 2.0"}, "Apache-2.0"),
        (
            {
                "license": "A long text\nof many lines",
                "classifier": ["License :: OSI Approved :: MIT License"],
            },
            "MIT",
        ),
        ({"license": "Pay me\nor else"}, "Pay me"),
        ({}, ""),
    ],
)
def test_a_licence_is_read_off_the_metadata(about: dict[str, object], expected: str) -> None:
    assert licence("anything", about) == expected


@pytest.mark.parametrize("text", ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "(MIT OR Proprietary)"])
def test_a_licence_that_is_not_on_the_list_is_refused(text: str) -> None:
    assert not allowed(text)
    (pin,) = pins(f"anything==1.0 --hash=sha256:{'0' * 64}\n")
    (fault,) = refused([pin], {"anything==1.0": text})
    assert "anything 1.0" in fault


def test_names_on_the_page_are_normalised() -> None:
    assert all(canonicalize_name(key.partition("==")[0]) == key.partition("==")[0] for key in LICENCES)
