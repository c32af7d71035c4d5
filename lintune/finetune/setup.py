"""What runs of fine-tuning share: a method attached to a model, and examples made ready for it."""

from dataclasses import dataclass, replace

from lintune.finetune import shares
from lintune.methods import Method
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import Classifier
from lintune.tasks import FewShot


@dataclass(frozen=True, eq=False)
class Setup:
    """A few-shot problem with a method attached, ready to be trained many times.

    Attributes:
        attached: The function of the trained parameters.
        split: The n training and the m test examples.
        train: The training examples, prepared.
        test: The test examples, prepared.
    """

    attached: Attached
    split: FewShot
    train: Prepared
    test: Prepared

    @classmethod
    def of(cls, prompted: Classifier, method: Method, split: FewShot) -> "Setup":
        """Attach a method and run the frozen blocks for all examples.

        Raises:
            InputError: The method does not fit the model, or cannot be trained.
        """
        attached = Attached(prompted, method)
        train, test = (shares.prepare(attached, examples) for examples in (split.train, split.test))
        return cls(attached, split, train, test)

    def with_method(self, method: Method) -> "Setup":
        """Attach another method; frozen blocks are run again only where it freezes others.

        Raises:
            InputError: The method does not fit the model, or cannot be trained.
        """
        attached = Attached(self.attached.prompted, method)
        if attached.frozen_blocks == self.attached.frozen_blocks:
            return replace(self, attached=attached)
        return Setup.of(self.attached.prompted, method, self.split)
