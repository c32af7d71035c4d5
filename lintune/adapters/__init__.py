"""What was trained, outside the loop that trained it: in files, merged, inside a model, as peft's."""

from lintune.adapters.adapter import Adapter
from lintune.adapters.attach import Attachment, attach
from lintune.adapters.files import load, save
from lintune.adapters.merge import merge
from lintune.adapters.peft_in import from_peft
from lintune.adapters.peft_out import check_peft, to_peft

__all__ = [
    "Adapter",
    "Attachment",
    "attach",
    "check_peft",
    "from_peft",
    "load",
    "merge",
    "save",
    "to_peft",
]
