"""What the queue and the caller are told of one session; the same for every engine, wherever the session runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gpu_runner.judgement import training_of
from gpu_runner.ports import Began, Ended, Failed, Judge, Judged, Queue, ReadJob, Tell
from gpu_runner.session import TimedTask
from grader.errors import InfrastructureError
from grader.model import Job, SubmissionFiles, TrainingRun


class Ledger:
    """Keeps the books of one session: claims jobs, stores their runs, and judges them by the references that follow."""

    def __init__(
        self,
        task: TimedTask,
        queue: Queue,
        judge: Judge,
        tell: Tell,
        device: str,
        model: str,
        seeds: Sequence[int],
        failed: set[int],
    ) -> None:
        """Note that a session begins, on a device that is locked for it.

        :param model: of the device; what times may be compared across.
        :param failed: jobs that this worker could not run, and does not claim again; more are added.
        """
        self.device = device
        self.model = model
        self.references: list[TrainingRun] = []
        self.waiting = 0  # submissions that were trained since the last reference
        self._task = task
        self._queue = queue
        self._judge = judge
        self._tell = tell
        self._seeds = seeds
        self._failed = failed
        self.number = queue.open_session(task.name, device, task.small, {"model": model})

    @property
    def reference_due(self) -> bool:
        """Whether the reference comes next: first, and after every so many submissions."""
        return not self.references or self.waiting >= self._task.timed.reference_every

    def claim(self, among: Collection[int]) -> Job | None:
        """The next of these jobs; None where none of them is queued that this worker has not failed at."""
        wanted = [number for number in among if number not in self._failed]
        return self._queue.take(self._task.name, self._task.small, self.device, self.number, wanted)

    def before(self, job: Job) -> list[TrainingRun]:
        """Runs of a job that count here: those of other sessions too, but on the same model of device.

        A run says nothing about another model's limit. Dropped ones stay in the queue's record.
        """
        return [run for run in job.runs if run.conditions.get("model", self.model) == self.model]

    def begin_reference(self) -> None:
        self._tell(Began(self.device, "", len(self.references) + 1))

    def begin(self, job: Job) -> None:
        self._tell(Began(self.device, job.student, len(self.before(job)) + 1))

    def add_reference(self, run: TrainingRun) -> None:
        """Store a run of the reference, and judge what has waited for it."""
        self.references.append(run)
        self._queue.add_run(None, self.number, run)
        self._tell(Ended(self.device, "", run))
        self.waiting = 0
        for job in self._queue.trained_jobs(self.number):
            try:
                training = training_of(
                    self._task.timed, self.before(job), self.references, self.device, small=self._task.small
                )
            except InfrastructureError as error:
                self.give_back(job, error)
                continue
            self._judge(job, training)
            self._tell(Judged(job, training))

    def set_aside(self, run: TrainingRun) -> None:
        """Store a disturbed run of the reference that is repeated and judges nobody."""
        self._queue.add_run(None, self.number, run)

    def add_run(self, job: Job, run: TrainingRun) -> None:
        """Store a run of a submission."""
        self._queue.add_run(job.id, self.number, run)
        self._tell(Ended(self.device, job.student, run))

    def trained(self, job: Job) -> None:
        """All runs of a job are in."""
        self._queue.trained(job.id)
        self.waiting += 1

    def give_back(self, job: Job, error: InfrastructureError | None = None) -> None:
        """Queue a job again; its runs are kept.

        :param error: what the runner failed at; None: it was interrupted.
        """
        self._queue.requeue(job.id)
        if error is not None:
            self._failed.add(job.id)
            self._tell(Failed(self.device, error, job))

    def close(self) -> list[Job]:
        """End the session and log its seeds; the jobs without a verdict, which are queued again."""
        return end_session(self._queue, self.number, self._seeds)


def take_over(queue: Queue, device: str) -> list[Job]:
    """Queue again what a killed runner has left on a device; its lock is ours, so nobody works on it."""
    jobs = [*queue.take_back(device)]
    for session in queue.unfinished_sessions(device):
        jobs += end_session(queue, session, None)
    return jobs


def end_session(queue: Queue, session: int, seeds: Sequence[int] | None) -> list[Job]:
    """End a session. What has no verdict yet keeps its runs and gets one in the next, on a device of the same model.

    :param seeds: None: they are lost.
    """
    jobs = [*queue.trained_jobs(session)]
    for job in jobs:
        queue.requeue(job.id)
    queue.close_session(session, seeds)
    return jobs


def read_queued(read: ReadJob, job: Job) -> SubmissionFiles:
    """The files of a job; InfrastructureError where what lies there now is not what was queued."""
    files = read(job)
    if files is None:
        raise InfrastructureError(
            "the submission has changed since it was queued",
            where=f"{job.student}/{job.assignment}",
            remedy="run the command again",
        )
    return files
