"""Load a model by name: bundled, hub id, or local folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from lintune.errors import CorruptFileError, FetchError, InputError, unknown_name
from lintune.models.bundled import BUNDLED, folder_of
from lintune.models.fingerprint import fingerprint
from lintune.models.sound import check_complete, check_finite, check_in_one_place, check_published

Kind = Literal["causal", "masked", "encoder"]
# What of transformers holds a model with the head that its kind has.
CLASSES = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM, "encoder": AutoModel}


@dataclass(frozen=True)
class Pretrained:
    """A pretrained model in evaluation mode with frozen weights, and what is known of it.

    Attributes:
        name: The name it was asked for by.
        kind: `causal`, `masked` or `encoder` (no language-modelling head).
        model: The transformers model on its device.
        tokenizer: Its tokeniser.
        weights: Fingerprint of the weights as stored (`lintune.models.fingerprint`).
        note: What the weights are, in words.
    """

    name: str
    kind: Kind
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    weights: str
    note: str

    def __post_init__(self) -> None:
        """Check that the weights are on one device, and finite.

        Raises:
            InputError: They are spread over devices, or offloaded.
            CorruptFileError: Names the model and the first parameter that is not finite.
        """
        check_in_one_place(self.name, self.model)
        check_finite(self.name, self.model)


def load(
    name: str,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    kind: Kind | None = None,
    revision: str | None = None,
) -> Pretrained:
    """Load a pretrained model, frozen and in evaluation mode.

    Args:
        name: A bundled name (`lintune.models.BUNDLED`), a hub id `owner/name`, or a local folder in the
            transformers layout with safetensors weights.
        device: Where the model goes.
        dtype: Floating-point type of the weights in memory.
        kind: Which head to load; read from the configuration when None.
        revision: Hub revision (commit, tag or branch); only for a hub id.

    Raises:
        InputError: The name is none of the three, or the configuration says no kind.
        FetchError: A bundled archive or a hub model cannot be fetched.
        CorruptFileError: Stored weights are damaged: cut, incomplete, not finite, or other than published.
    """
    if name in BUNDLED:
        path: str | Path = folder_of(name)
        kind = kind or BUNDLED[name].kind  # type: ignore[assignment]
        note = BUNDLED[name].note
    elif Path(name).is_dir():
        path, note = Path(name), "local folder"
    elif name.count("/") == 1 and not name.startswith((".", "/", "~")):
        path, note = name, f"hub model, revision {revision or 'main'}"
    else:
        raise unknown_name("model", name, [*BUNDLED, "<hub owner>/<hub name>", "<local folder>"])
    model, tokenizer, found = _read(path, kind, revision)
    weights = BUNDLED[name].weights if name in BUNDLED else fingerprint(model.state_dict())
    model = model.to(torch.device(device), dtype)  # type: ignore[arg-type]  # its decorator hides the signature
    return Pretrained(name, found, model.eval().requires_grad_(False), tokenizer, weights, note)


def _read(
    path: str | Path, kind: Kind | None, revision: str | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, Kind]:
    """Read configuration, weights as they are stored, and tokeniser; only safetensors, never code."""
    try:
        config = AutoConfig.from_pretrained(path, revision=revision, trust_remote_code=False)
        found = kind or kind_of(config.architectures or [], path)
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision, trust_remote_code=False)
        model, about = CLASSES[found].from_pretrained(
            path,
            config=config,
            dtype="auto",
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        if isinstance(path, str):
            check_published(path, getattr(config, "_commit_hash", None))
    except (InputError, CorruptFileError):
        raise
    except OSError as error:
        raise FetchError(f"model={str(path)!r} could not be read: {error}") from error
    except Exception as error:  # of a damaged file each library says what it stumbles over
        refuse_code(path, error)
        raise CorruptFileError(
            f"The files of model={str(path)!r} are damaged, or for another version of transformers: "
            f"{type(error).__name__}: {error}"
        ) from error
    check_complete(str(path), found, about["missing_keys"])
    return model, tokenizer, found


def refuse_code(path: str | Path, error: Exception) -> None:
    """Say it plainly when transformers could read a model only by running code that comes with it.

    Raises:
        InputError: That is what the error is about.
    """
    if "trust_remote_code" in str(error):
        raise InputError(
            f"model={str(path)!r} takes code of its own, and none is executed here; accepted are models "
            "whose configuration and tokenizer transformers itself has."
        ) from error


def kind_of(architectures: list[str], path: str | Path) -> Kind:
    """Read the kind off the class names in a configuration, such as `LlamaForCausalLM`."""
    for architecture in architectures:
        if architecture.endswith(("ForCausalLM", "LMHeadModel")):
            return "causal"
        if architecture.endswith("ForMaskedLM"):
            return "masked"
    raise InputError(
        f"model={str(path)!r} has architectures={architectures}, neither a causal nor a masked language "
        "model; pass kind='causal', 'masked' or 'encoder' to choose the head."
    )
