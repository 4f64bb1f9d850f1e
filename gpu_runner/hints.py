"""What runs that lost marks hint at: advice from the learning curve, the clock and the accuracies. Pure functions.

A learning curve is the submission's own account. It decides no mark, so to believe it here costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from grader.model import Outcome, Timed, Training, TrainingRun

GUESSING = 1.5  # times the accuracy of guessing: below, hardly anything was learnt
GAP = 0.15  # between the accuracy that the submission logged and that on hidden images
APART = 0.10  # between the best and the worst run: sampling alone moves a run by a few hundredths
IDLE = 0.5  # share of the time limit that was used: below, longer training is affordable
PREDICTING = 0.5  # share of the time that went into predict

LEARNING_RATE = (
    "The usual cause is a learning rate that is far too high; next come a logarithm of 0, a division by 0, and images "
    "that are not scaled to about 0 … 1."
)
NOT_AS_TRAINED = (
    "Does predict prepare the images exactly as train does (scaling, normalisation, shape), "
    "and is the model in evaluation mode?"
)
GUESSED = (
    "This is no better than guessing: are the labels shuffled along with the images? Is the learning rate far too high "
    "or far too low? Does predict normalise as train does, and does it return the class with the largest score?"
)
OVERFITTED = (
    "The log shows {claimed:.2f} on the training images, the hidden ones give {mean:.2f}: the network knows its "
    "training images by heart (fewer epochs, weight decay, dropout or augmentation help), or predict sees other "
    "images than train did. "
)
JUMPY = (
    "The runs differ widely, from {low:.2f} to {high:.2f}: training does not succeed with every seed. "
    "Look at the initial weights, at the learning rate (a warm-up helps), and that images are shuffled in each epoch."
)
TIME_LEFT = (
    "Only {used:.0f} % of the time limit was used: train for more epochs, with a larger network, "
    "or with a learning rate that falls towards the end."
)
LEARN_BETTER = (
    "Normalised images, a learning rate that falls towards the end, a larger batch with a larger learning rate, "
    "or augmentation each gain some accuracy in the same time."
)
FASTER = (
    "Move the data to the device once and not batch by batch, use larger batches, keep Python loops "
    "over single images out, and read losses off the device only once in a while."
)
ENOUGH = "The accuracy is there: fewer epochs may still reach it. "
SLOW_PREDICT = "More than half of the time went into predict: predict in large batches, without recording gradients. "
OUT_OF_MEMORY = (
    "Train in smaller batches, predict in batches without recording gradients, "
    "and sum up losses as numbers: a loss kept as a tensor keeps its whole graph."
)


def bad_loss(runs: Sequence[TrainingRun]) -> str:
    """``the loss became NaN in epoch 2`` where a logged loss was not finite (the earliest epoch of all runs), or ""."""
    bad = [
        (point.epoch, point.loss)
        for run in runs
        for point in run.curve
        if point.loss is not None and not math.isfinite(point.loss)
    ]
    if not bad:
        return ""
    epoch, loss = min(bad, key=lambda each: (each[0], not math.isnan(each[1])))
    return f"the loss became {'NaN' if math.isnan(loss) else 'infinite'} in epoch {epoch:g}"


def failure_hint(failed: TrainingRun) -> str:
    """Advice for a run that brought no predictions."""
    if bad_loss([failed]):
        return LEARNING_RATE
    return OUT_OF_MEMORY if failed.outcome is Outcome.MEMORY else ""


def accuracy_hint(training: Training, counted: Sequence[TrainingRun], classes: int) -> str:
    """Advice for runs whose mean accuracy does not earn all marks.

    :param counted: the runs that count; all of them passed.
    """
    accuracies = [run.accuracy for run in counted if run.accuracy is not None]
    mean = training.accuracy
    if mean is None or not accuracies:
        return ""
    if bad_loss(counted):
        return LEARNING_RATE
    claimed = _claimed(counted)
    guessed = mean < GUESSING / classes
    if guessed and (claimed is None or claimed < 2 * GUESSING / classes):
        return GUESSED
    if guessed:
        return f"The log shows {claimed:.2f} on the training images, so something was learnt. {NOT_AS_TRAINED}"
    # Where the log is far above even the best run, training does succeed: the spread is that of strange predictions.
    if max(accuracies) - min(accuracies) > APART and (claimed is None or claimed <= max(accuracies) + GAP):
        return JUMPY.format(low=min(accuracies), high=max(accuracies))
    if claimed is not None and claimed > mean + GAP:
        return OVERFITTED.format(claimed=claimed, mean=mean) + NOT_AS_TRAINED
    if training.seconds < IDLE * training.limit_seconds:
        return TIME_LEFT.format(used=100 * training.seconds / training.limit_seconds)
    return LEARN_BETTER


def time_hint(timed: Timed, training: Training, counted: Sequence[TrainingRun]) -> str:
    """Advice for runs that took too long."""
    shares = [1 - run.train_seconds / run.seconds for run in counted if run.train_seconds is not None and run.seconds]
    slow = SLOW_PREDICT if shares and median(shares) > PREDICTING else ""
    enough = ENOUGH if training.accuracy is not None and training.accuracy >= timed.full and not slow else ""
    return slow + enough + FASTER


def _claimed(runs: Sequence[TrainingRun]) -> float | None:
    """Median over the runs of the accuracy that was logged last; None where none logged a share between 0 and 1."""
    last = []
    for run in runs:
        logged = [point.accuracy for point in run.curve if point.accuracy is not None and 0 <= point.accuracy <= 1]
        last += logged[-1:]
    return median(last) if last else None
