"""The check of one method on one model."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from lintune.checks import declared, derivatives, functions, training
from lintune.checks.result import MethodCheck, Property
from lintune.checks.subject import Subject
from lintune.errors import MethodError
from lintune.methods import Method
from lintune.prompted import Classifier
from lintune.tasks import Examples

# In this order: what a later one relies on comes first, so that the first to fail is the one at fault.
PROPERTIES: Mapping[str, Callable[[Subject], Property]] = {
    "options": declared.options,
    "name": declared.name,
    "faces": declared.faces,
    "budget": declared.budget,
    "start values": declared.start,
    "frozen weights": training.frozen,
    "pretrained at the start": functions.pretrained,
    "pretrained in float32": functions.pretrained_single,
    "values matter": functions.matters,
    "values move": training.moves,
    "gradients": derivatives.differences,
    "forward mode": derivatives.forward_mode,
    "kernel": derivatives.kernel,
    "merged layers": training.merged,
    "merged model": training.merged_model,
    "saved": training.saved,
    "independence": declared.independence,
}


def check_method(method: Method, prompted: Classifier, examples: Examples) -> MethodCheck:
    """Check that a method's faces agree with one another and with the model, by numbers.

    The method is looked at on copies of the model in float64 and, at the start, in float32; the given
    model is left as it is. A tiny model and a few examples are enough, and several architectures tell
    more than one: a layer may keep its weight transposed, have a bias or not, or share its inputs.

    Looked at are: a frozen dataclass with defaults; a name; all faces; the declared budget; plain values
    at the start; weights that training leaves alone; the pretrained function at the start; values that
    matter and that training moves; gradients of `forward` against finite differences; forward mode, which
    may be refused; the kernel of one capture against autograd's on the attached model; merging after
    training, layer by layer and as a model, which may be refused; saving and loading; and layers that do
    not know of one another.

    A method under whose derivative a part counts as constant by convention, such as DoRA's norm, names the
    values concerned in a class attribute `held`; differences leave them out, everything else does not.

    Args:
        method: The method.
        prompted: A model; needs room for two copies, and for the Jacobian of the examples.
        examples: n examples with labels.

    Returns:
        The properties, all of which hold.

    Raises:
        InputError: The method finds nothing to tune in this model.
        MethodError: A property does not hold, or cannot be looked at. It names the first such property.
    """
    subject = Subject(method, prompted, examples)
    return MethodCheck(method.name, tuple(_looked_at(name, subject) for name in PROPERTIES))


def _looked_at(name: str, subject: Subject) -> Property:
    """Return a property that holds."""
    method = subject.method.name
    try:
        found = replace(PROPERTIES[name](subject), name=name)
    except Exception as error:  # whatever a method raises tells of the method
        raise MethodError(f"method={method!r} fails on {name}: {type(error).__name__}: {error}") from error
    if not found.holds:
        raise MethodError(f"method={method!r} fails on {found}.")
    return found
