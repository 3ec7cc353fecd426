"""The files that a job has made: those collected, but for its own that are as they were sent."""

import dataclasses
from collections.abc import Iterable, Mapping

from bitrun.model.job import Content, File, Job, equal
from bitrun.model.output_files import (
    Collected,
    DroppedFile,
    DropReason,
    OutputFile,
    OutputLimits,
)


def sent_files(job: Job) -> Mapping[str, Content]:
    """Return the contents that the service has written, by name."""
    files: Iterable[File] = [*job.files, *(file for stage in job.stages for file in stage.files)]
    return {file.name: file.content for file in files}


def with_room_for(limits: OutputLimits, sent: Mapping[str, Content]) -> OutputLimits:
    """Return limits with which the files that were sent may be collected in addition.

    Only their contents show whether they are as they were, and then they must not count.
    """
    sizes = [len(content) for content in sent.values()]
    return OutputLimits(
        files=limits.files + len(sizes),
        file_size=max(limits.file_size, *sizes) if sizes else limits.file_size,
        total_size=limits.total_size + sum(sizes),
    )


def made_files(
    collected: Collected, sent: Mapping[str, Content], limits: OutputLimits
) -> Collected:
    """Return what is not as it was sent, within the limits."""
    values = {
        DropReason.COUNT: limits.files,
        DropReason.FILE_SIZE: limits.file_size,
        DropReason.TOTAL_SIZE: limits.total_size,
    }
    kept: list[OutputFile] = []
    dropped = [
        dataclasses.replace(each, limit=values.get(each.reason, each.limit))
        for each in collected.dropped
    ]
    left = limits.total_size
    for file in collected.files:
        if file.name in sent and equal(sent[file.name], file.content):
            continue
        size = len(file.content)
        reason = (
            DropReason.COUNT
            if len(kept) == limits.files
            else DropReason.FILE_SIZE
            if size > limits.file_size
            else DropReason.TOTAL_SIZE
            if size > left
            else None
        )
        if reason is None:
            kept.append(file)
            left -= size
        else:
            dropped.append(DroppedFile(file.name, reason, values[reason]))
    return Collected(tuple(kept), tuple(dropped))
