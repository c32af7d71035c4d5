"""What a kernel must beat: the majority class, zero-shot answers, words counted on the same examples."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline

from lintune.metrics import Metric, score
from lintune.tasks import Examples


def majority(train: np.ndarray, test: np.ndarray, metric: Metric = "accuracy") -> float:
    """Return the test score of always answering the most frequent class of the training split.

    Args:
        train: `(n,)` labels of the whole training split, not of a balanced few-shot draw.
        test: `(m,)` labels.
        metric: How answers are scored (`lintune.metrics`).
    """
    return score(metric, test, np.full_like(test, np.bincount(train).argmax()))


def zero_shot(logits: np.ndarray) -> np.ndarray:
    """Return the classes `(m,)` of the largest label-word logits `(m, C)`."""
    return np.asarray(logits.argmax(axis=1))


def calibrated_zero_shot(logits: np.ndarray, unlabelled: np.ndarray) -> np.ndarray:
    """Return zero-shot classes after taking out each word's mean logit over some unlabelled texts.

    Label words differ in how likely they are under any text; the mean over texts without labels
    estimates that bias (in the spirit of Zhao et al., 2021).

    Args:
        logits: `(m, C)` logits to classify.
        unlabelled: `(n, C)` logits of other texts of the task, from the training side.
    """
    return np.asarray((logits - unlabelled.mean(axis=0)).argmax(axis=1))


def tfidf(train: Examples, test: Examples, seed: int) -> np.ndarray:
    """Return the classes `(m,)` that logistic regression on TF-IDF of the texts predicts.

    Word unigrams and bigrams; the penalty is chosen by cross-validation inside the training examples.

    Args:
        train: At least two examples of every class.
        test: Examples to classify.
        seed: Seed of the folds.
    """
    folds = StratifiedKFold(min(5, int(np.bincount(train.labels).min())), shuffle=True, random_state=seed)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(max_iter=2000))
    search = GridSearchCV(model, {"logisticregression__C": [0.1, 1.0, 10.0, 100.0, 1000.0]}, cv=folds)
    search.fit(_texts(train), train.labels)
    return np.asarray(search.predict(_texts(test)))


def _texts(examples: Examples) -> list[str]:
    return [" ".join(fields.values()) for fields in examples.fields]
