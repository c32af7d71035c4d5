"""One file per method, or per pair of twins. A file that is put here is found, and its methods with it."""

from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

for _file in iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")
for _installed in entry_points(group="lintune.methods"):
    _installed.load()
