"""Turn examples into prompts and prompts into tokens."""

from collections.abc import Callable, Mapping

from transformers import PreTrainedTokenizerBase

from lintune.errors import InputError
from lintune.prompted.batches import Encoded
from lintune.tasks import Prompt


def label_tokens(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> tuple[int, ...]:
    """Return the token id of each label word, as it is spelled where the template puts it.

    Raises:
        InputError: A label word is several tokens, unknown to the vocabulary, or shares its token with
            another word.
    """
    # The template's own text before the slot: in most vocabularies " great" and "great" are different tokens.
    before, _ = prompt.render(dict.fromkeys(prompt.fields, "x"))
    stem = before.rstrip()
    context = tokenizer(stem, add_special_tokens=False)["input_ids"]
    tokens = []
    for word in prompt.words:
        spelled = before[len(stem) :] + word
        ids = tokenizer(stem + spelled, add_special_tokens=False)["input_ids"]
        if ids[: len(context)] != context or len(ids) != len(context) + 1:
            pieces = tokenizer.convert_ids_to_tokens(
                tokenizer(spelled, add_special_tokens=False)["input_ids"]
            )
            raise InputError(
                f"words={prompt.words!r}: {word!r} is {len(pieces)} tokens here ({' + '.join(pieces)}); a "
                "label word must be one token of the model's vocabulary. Choose a more common word."
            )
        if ids[-1] == tokenizer.unk_token_id or ids[-1] in tokens:
            raise InputError(f"words={prompt.words!r}: {word!r} has no token of its own in this vocabulary.")
        tokens.append(ids[-1])
    return tuple(tokens)


def encode(
    tokenizer: PreTrainedTokenizerBase, prompt: Prompt, fields: Mapping[str, str], masked: bool, longest: int
) -> Encoded:
    """Encode one example in its prompt.

    A causal model gets the text before the label slot and is read at its last token; a masked model
    gets the mask token in the slot and is read there. A prompt longer than `longest` tokens loses the
    end of its longest field, never a part of the template.

    Raises:
        InputError: The template alone is too long, or a field contains the mask token.
    """

    def text(fields: Mapping[str, str]) -> str:
        before, after = prompt.render(fields)
        return f"{before}{tokenizer.mask_token}{after}" if masked else before.rstrip()

    def tokens(fields: Mapping[str, str]) -> list[int]:
        ids = tokenizer(text(fields))["input_ids"]
        return ids if masked else _open_ended(tokenizer, ids)

    ids, fields = _cut(tokenizer, fields, longest, tokens)
    readout = _mask_position(tokenizer, ids, text(fields)) if masked else len(ids) - 1
    return Encoded(tuple(ids), readout)


def encode_alone(
    tokenizer: PreTrainedTokenizerBase, fields: Mapping[str, str], causal: bool, longest: int
) -> Encoded:
    """Encode the texts of one example without a prompt.

    A causal model gets the fields joined by spaces and is read at the last token. Any other is read at
    the first token; two fields are a pair where its tokeniser makes pairs, else they are joined. Token
    types are left at 0. What is longer than `longest` tokens loses the end of its longest field.

    Raises:
        InputError: No token is left to read.
    """
    pair = not causal and len(fields) == 2 and _makes_pairs(tokenizer)

    def tokens(fields: Mapping[str, str]) -> list[int]:
        texts = [text.strip() for text in fields.values()]
        ids = tokenizer(*texts if pair else [" ".join(texts)])["input_ids"]
        return _open_ended(tokenizer, ids) if causal else ids

    ids, _ = _cut(tokenizer, fields, longest, tokens)
    if not ids:
        raise InputError(f"fields={dict(fields)!r} hold no token to read; leave such examples out.")
    return Encoded(tuple(ids), len(ids) - 1 if causal else 0)


def _cut(
    tokenizer: PreTrainedTokenizerBase,
    fields: Mapping[str, str],
    longest: int,
    tokens: Callable[[Mapping[str, str]], list[int]],
) -> tuple[list[int], Mapping[str, str]]:
    """Return the tokens of the fields and the fields, the longest cut until the tokens are few enough."""
    fields = dict(fields)
    while len(ids := tokens(fields)) > longest:
        _shorten(tokenizer, fields, len(ids) - longest)
    return ids, fields


def _open_ended(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> list[int]:
    """Return the tokens without an end-of-text token: some tokenisers close every text, but it goes on."""
    return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id else ids


def _makes_pairs(tokenizer: PreTrainedTokenizerBase) -> bool:
    return tokenizer.num_special_tokens_to_add(pair=True) > tokenizer.num_special_tokens_to_add(pair=False)


def _shorten(tokenizer: PreTrainedTokenizerBase, fields: dict[str, str], excess: int) -> None:
    """Drop about `excess` tokens from the end of the longest field, in place, or half where it has fewer."""
    name = max(fields, key=lambda field: len(fields[field]))
    ends = [
        end
        for _, end in tokenizer(fields[name], add_special_tokens=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
    ]
    keep = len(ends) - excess
    if keep < 1:  # this field alone is not enough: the next one may be the longest then
        keep = len(ends) // 2
    if keep < 1:
        raise InputError(f"longest: no room for field {name!r} beside the rest; allow {excess} tokens more.")
    # Cutting in the middle of a word could tokenise to as many tokens again: make sure it gets shorter.
    fields[name] = fields[name][: min(ends[keep - 1], len(fields[name]) - 1)].rstrip()


def _mask_position(tokenizer: PreTrainedTokenizerBase, ids: list[int], text: str) -> int:
    places = [place for place, token in enumerate(ids) if token == tokenizer.mask_token_id]
    if len(places) != 1:
        raise InputError(
            f"The prompt {text!r} has {len(places)} mask tokens; exactly one is needed, so a text must not "
            f"contain {tokenizer.mask_token!r} itself."
        )
    return places[0]
