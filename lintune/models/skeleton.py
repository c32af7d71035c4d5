"""A model without its weights: its shapes and its tokeniser, for what needs to know no more."""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from lintune.errors import FetchError, InputError, unknown_name
from lintune.models.bundled import BUNDLED, folder_of
from lintune.models.load import CLASSES, Kind, kind_of, refuse_code


@dataclass(frozen=True, eq=False)
class Skeleton:
    """A model on the meta device, which has shapes and no numbers.

    Attributes:
        name: The name it was asked for by.
        kind: `causal`, `masked` or `encoder`.
        model: The transformers model.
        tokenizer: Its tokeniser.
        longest: Most tokens that it has positions for; None where its configuration does not say.
        stored: Type in which its weights are stored, likewise.
    """

    name: str
    kind: Kind
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    longest: int | None
    stored: torch.dtype | None

    @property
    def stored_bytes(self) -> int:
        """About what its weights take where they are stored."""
        return self.model.num_parameters() * (self.stored or self.model.dtype).itemsize


def skeleton(name: str, dtype: torch.dtype = torch.float32) -> Skeleton:
    """Return a model's shapes and tokeniser; of a hub model the configuration and the tokeniser are fetched.

    Args:
        name: As for `lintune.models.load`.
        dtype: Floating-point type that the weights would have in memory.

    Raises:
        InputError: The name is none that `load` takes, or the configuration says no kind.
        FetchError: A bundled archive or a hub model cannot be fetched.
        CorruptFileError: A bundled model's files are damaged.
    """
    if name in BUNDLED:
        path: str | Path = folder_of(name)
    elif Path(name).is_dir():
        path = Path(name)
    elif name.count("/") == 1 and not name.startswith((".", "/", "~")):
        path = name
    else:
        raise unknown_name("model", name, [*BUNDLED, "<hub owner>/<hub name>", "<local folder>"])
    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except OSError as error:
        raise FetchError(f"model={name!r} could not be read: {error}") from error
    except ValueError as error:  # transformers does not know the architecture
        refuse_code(path, error)
        raise InputError(f"model={name!r}: {error}") from error
    kind: Kind = BUNDLED[name].kind if name in BUNDLED else kind_of(config.architectures or [], path)  # type: ignore[assignment]
    stored = config.dtype  # making a model writes its own type there
    with torch.device("meta"):
        model = CLASSES[kind].from_config(config, dtype=dtype, trust_remote_code=False)
    return Skeleton(name, kind, model, tokenizer, getattr(config, "max_position_embeddings", None), stored)
