"""Jobs of a submission."""

import dataclasses

from bitrun.api.judge0 import limits
from bitrun.api.judge0.archive import read_archive
from bitrun.api.judge0.languages import MULTI_FILE, PLAIN_TEXT, Languages
from bitrun.api.judge0.submission import Submission
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.judging.batch import Batch, Case
from bitrun.execution.limits import RequestedLimits, language_limits
from bitrun.execution.sources import unused_name
from bitrun.model.errors import RequestError
from bitrun.model.job import File, Job, Stage

# The scripts of a multi-file program, by the names that they may have.
_COMPILE, _RUN = ("compile.sh", "compile"), ("run.sh", "run")

# Of an image that has no bash, the scripts are run by its shell.
_BY_SHELL = 'if command -v bash >/dev/null; then exec bash "$0" "$@"; else exec sh "$0" "$@"; fi'
# POSIX counts in blocks of 512 bytes.
_WITH_FILE_SIZE = 'ulimit -f "$0" && exec "$@"'
_BLOCKS_PER_KILOBYTE = 2


def make_batch(submission: Submission, languages: Languages, settings: Settings) -> Batch:
    """Make the batch of a checked submission.

    Raises:
        RequestError: its language is no longer installed, or its files do not fit together.
    """
    job = _make_job(submission, languages, settings)
    *earlier, last = job.stages
    if submission.test_cases is None:
        stage = dataclasses.replace(last, stdin=submission.stdin or b"")
        case = Case(dataclasses.replace(job, stages=(*earlier, stage)), submission.expected_output)
        return Batch([case] * submission.number_of_runs, stop_on_failure=True)
    return Batch(
        [
            Case(
                dataclasses.replace(
                    job, stages=(*earlier, dataclasses.replace(last, stdin=case.stdin))
                ),
                case.expected_output,
            )
            for case in submission.test_cases
        ]
    )


def _make_job(submission: Submission, languages: Languages, settings: Settings) -> Job:
    archive = submission.additional_files
    files = [] if archive is None else read_archive(archive, settings)
    if submission.language_id == MULTI_FILE:
        job = _multi_file(submission, files, languages, settings)
    else:
        served = languages.find(submission.language_id)
        if served is None or served.runtime is None:
            raise RequestError(languages.explain_missing(submission.language_id))
        name = unused_name(served.file, {file.name for file in files})
        job = build_job(
            Target.of(served.runtime),
            settings,
            [File(name, submission.source_code), *files],
            code={name},
            command=f"cat {name}" if served.id == PLAIN_TEXT else None,
            arguments=submission.words("command_line_arguments"),
            compile_arguments=submission.words("compiler_options"),
            merge=submission.is_merged,
            limits={"run": limits.requested(submission.numbers, settings)},
        )
    return _with_file_size(job, submission)


def _multi_file(
    submission: Submission, files: list[File], languages: Languages, settings: Settings
) -> Job:
    """Make the job of a program with scripts of its own, in the image that fits its files."""
    names = {file.name for file in files}
    compile_script = next((name for name in _COMPILE if name in names), None)
    run_script = next((name for name in _RUN if name in names), None)
    if run_script is None:
        raise RequestError("additional_files has no script called run, which starts the program")
    scripts = (compile_script, run_script)
    runtime = languages.for_files(file.name for file in files if file.name not in scripts)
    if runtime is None:
        raise RequestError("No language is installed")
    target = Target.of(runtime)
    job = build_job(
        target,
        settings,
        files,
        command=("sh", "-c", _BY_SHELL, run_script, *submission.words("command_line_arguments")),
        merge=submission.is_merged,
        limits={"run": limits.requested(submission.numbers, settings)},
    )
    if compile_script is None:
        return job
    effective = language_limits(target.language, settings)
    run = job.stages[-1]
    compilation = Stage(
        "compile",
        ("sh", "-c", _BY_SHELL, compile_script),
        run.env,
        effective.stages["compile"].merged(RequestedLimits()),
        merge=True,
    )
    return dataclasses.replace(job, stages=(compilation, run))


def _with_file_size(job: Job, submission: Submission) -> Job:
    """Limit the files of the run stage: that of a box would limit the compiler, too."""
    kilobytes = submission.numbers.get("max_file_size")
    if kilobytes is None:
        return job
    *earlier, last = job.stages
    blocks = max(1, round(kilobytes * _BLOCKS_PER_KILOBYTE))
    argv = ("sh", "-c", _WITH_FILE_SIZE, str(blocks), *last.argv)
    return dataclasses.replace(job, stages=(*earlier, dataclasses.replace(last, argv=argv)))
