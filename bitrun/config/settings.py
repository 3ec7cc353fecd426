"""Settings, each read from one `BITRUN_*` environment variable."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from limits import parse_many
from pydantic import (
    Field,
    IPvAnyNetwork,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bitrun.config.problems import describe
from bitrun.model.allow_list import AllowList
from bitrun.model.nearest import suggestion

_PACKAGE = Path(__file__).resolve().parents[1]


def _find_root() -> Path:
    """Return the folder of `config/`, `images/` and `scripts/`: the checkout, or the wheel's data.

    setup.py puts the same files into an installed package.
    """
    checkout = _PACKAGE.parent
    return checkout if (checkout / "images" / "supervisor").is_dir() else _PACKAGE / "data"


ROOT = _find_root()
MEBIBYTE = 1024 * 1024
IDLE_BOX_MEMORY = 5 * MEBIBYTE  # of a supervisor and the engine's shim, measured, rounded up
MIN_MEMORY = 6 * MEBIBYTE  # the engine creates no container with less
MIN_STACK = 65_536  # bytes; with less, not even a dynamic loader starts

Pinned = Annotated[int, Field(ge=0)]
WordList = Annotated[tuple[str, ...], NoDecode]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode]


PREFIX = "BITRUN_"

# The wire contracts that the service knows, by the names of their folders in `bitrun/api`.
DIALECTS = (
    "v1", "piston", "sandboxes", "mcp", "codapi", "sandboxfusion", "dify", "librechat", "judge0",
    "jupyter",
)  # fmt: skip

# Of a Content-Security-Policy, which has no IPv6 addresses.
_ORIGIN = re.compile(r"https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")

_REDIS = re.compile(r"(rediss?|redis\+unix)://")
# Docker's name of a repository, with the registry's address before it.
_REPOSITORY = r"[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"

# Of the fields with a pattern.
_EXAMPLES = {
    "redis": "redis://HOST:6379",
    "registry": "HOST:PORT/NAME",
    "node_url": "http://HOST:PORT or auto",
    "traces": "http://HOST:4318/v1/traces",
}

# Variables with the prefix that the service does not read: those of the client and of the tests.
_OTHERS = frozenset({"BITRUN_URL", "BITRUN_TOKEN", "BITRUN_TEST_TIME_SCALE"})


class SettingsError(Exception):
    """A setting is invalid; the text names it and the problem."""


class Settings(BaseSettings):
    """The configuration of a service; `docs/settings.md` documents each field.

    The field `run_timeout` is `BITRUN_RUN_TIMEOUT`. Times of compile, run, session and
    `sandbox_timeout` are milliseconds; `v1_timeout`, `queue_timeout`, `engine_timeout`,
    `upload_ttl` and `submission_ttl` are seconds; `sandbox_idle` and `sandbox_lifetime` are
    minutes; sizes are bytes. Lists are separated by commas or white space.
    """

    # An invalid value is not shown in the error, since it may be a token.
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=5000, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    threads: int = Field(default=96, ge=1, le=1024)
    sessions: int = Field(default=128, ge=0, le=4096)

    languages: Path = ROOT / "config" / "languages.yml"
    images: Path = ROOT / "images"
    packages: WordList = ("python", "ruby", "php", "node", "bash", "gcc")
    allowed_images: WordList = ()
    build_ca_bundle: Path | None = None
    egress: WordList = ()
    registry: str = Field(default="", pattern=rf"^({_REPOSITORY})?$")

    dialects: WordList = ("v1", "piston", "sandboxes", "mcp")
    playground: bool = True
    embed_origins: WordList = ()
    api_tokens: WordList = Field(default=(), repr=False)
    admin_tokens: WordList = Field(default=(), repr=False)
    api_tokens_file: Path | None = None
    jwt_keys: Path | None = None
    jwt_issuer: str = Field(default="librechat", min_length=1)
    jwt_audience: str = Field(default="codeapi", min_length=1)
    let_anyone_run_code: bool = False
    trusted_proxies: Networks = ()
    rate_limit: str = ""
    max_runs_per_client: int = Field(default=40, ge=1)
    unlimited_clients: WordList = ()
    redis: str = Field(
        default="",
        pattern=r"^((rediss?|redis\+unix)://\S+)?$",
        repr=False,
        validate_default=True,
    )
    redis_away: Literal["local", "refuse"] = "local"
    node_url: str = Field(default="", pattern=r"^(auto|http://[A-Za-z0-9.:\[\]-]+)?$")
    cors_origin: str = "*"
    max_body: int = Field(default=10_000_000, ge=1)
    body_memory: int = Field(default=256 * MEBIBYTE, ge=MEBIBYTE)
    upload_folder: Path | None = None
    upload_ttl: int = Field(default=3600, ge=1, le=31_536_000)
    upload_bytes: int = Field(default=1024 * MEBIBYTE, ge=0)
    upload_bytes_per_client: int = Field(default=256 * MEBIBYTE, ge=0)

    store: str = Field(default="", repr=False)
    store_bytes: int = Field(default=512 * MEBIBYTE, ge=MEBIBYTE)
    store_bytes_per_client: int = Field(default=128 * MEBIBYTE, ge=MEBIBYTE)
    submission_ttl: int = Field(default=86_400, ge=1, le=31_536_000)
    max_queued_submissions: int = Field(default=1000, ge=1, le=100_000)
    max_submission_batch: int = Field(default=20, ge=1, le=1000)
    callback_networks: Networks = ()
    callback_secret: str = Field(default="", repr=False)

    v1_timeout: float = Field(default=10.0, gt=0, le=3600)
    compile_timeout: int = Field(default=10_000, ge=1, le=3_600_000)
    run_timeout: int = Field(default=3_000, ge=1, le=3_600_000)
    session_timeout: int = Field(default=120_000, ge=1, le=3_600_000)
    compile_cpu_time: int = Field(default=10_000, ge=1, le=3_600_000)
    run_cpu_time: int = Field(default=3_000, ge=1, le=3_600_000)
    compile_memory_limit: int = Field(default=256 * MEBIBYTE, ge=MIN_MEMORY)
    run_memory_limit: int = Field(default=256 * MEBIBYTE, ge=MIN_MEMORY)
    output_limit: int = Field(default=65536, ge=1)
    max_output_limit: int = Field(default=8 * MEBIBYTE, ge=1)
    max_output_files: int = Field(default=100, ge=0, le=10_000)
    max_output_file_size: int = Field(default=32 * MEBIBYTE, ge=0)
    max_output_files_size: int = Field(default=32 * MEBIBYTE, ge=0)
    stack_limit: int | None = Field(default=None, ge=MIN_STACK)
    max_processes: int = Field(default=64, ge=1)
    max_process_limit: int = Field(default=256, ge=1)
    max_open_files: int = Field(default=2048, ge=32)
    max_file_size: int | None = Field(default=None, ge=0)
    workdir_size: int = Field(default=64 * MEBIBYTE, ge=4096)
    workdir_inodes: int = Field(default=4096, ge=16)
    cpus: float = Field(default=1.0, gt=0)

    max_runs: int = Field(default=16, ge=1, le=1024)
    max_queue: int = Field(default=64, ge=0, le=4096)
    queue_timeout: float = Field(default=10.0, gt=0)
    max_batch_runs: int = Field(default=500, ge=1, le=100_000)
    compile_cache: int = Field(default=256 * MEBIBYTE, ge=0)
    max_sandboxes: int = Field(default=16, ge=0, le=1024)
    max_sandboxes_per_client: int = Field(default=4, ge=1, le=1024)
    sandbox_memory: int = Field(default=2048 * MEBIBYTE, ge=MIN_MEMORY)
    sandbox_idle: int = Field(default=20, ge=1, le=10_080)
    sandbox_lifetime: int = Field(default=240, ge=1, le=10_080)
    sandbox_timeout: int = Field(default=120_000, ge=1, le=3_600_000)
    warm_kernels: Annotated[Mapping[str, Pinned], NoDecode] = Field(default_factory=dict)
    pool_size: int = Field(default=32, ge=0, le=1024)
    pool_memory: int = Field(default=256 * MEBIBYTE, ge=0)
    runs_per_box: int = Field(default=1, ge=1, le=1000)
    pool_pinned: Annotated[Mapping[str, Pinned], NoDecode] = Field(default_factory=dict)

    runtime: str | None = None
    engine_timeout: float = Field(default=60.0, gt=0)

    metrics: Literal["closed", "open"] = "closed"
    traces: str = Field(default="", pattern=r"^(https?://[^/?#@\s]+(/[^?#\s]*)?)?$")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "text"] = "auto"

    @field_validator(
        "packages", "allowed_images", "api_tokens", "admin_tokens", "trusted_proxies",
        "unlimited_clients", "dialects", "embed_origins", "callback_networks", "egress",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word for word in value.replace(",", " ").split() if word)
        return value

    @field_validator("dialects")
    @classmethod
    def _check_dialects(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in DIALECTS:
                known = ", ".join(DIALECTS)
                raise ValueError(f"there is no dialect called {name}; there are: {known}")
        return value

    @field_validator("embed_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # They become a part of a header, and browsers ignore one that is none without a word.
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin} is no origin: a scheme, a host and a port at most, such as "
                    f"https://school.example or http://localhost:8000"
                )
        return value

    @field_validator("egress")
    @classmethod
    def _check_egress(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AllowList.parse(value)
        return value

    @field_validator("rate_limit")
    @classmethod
    def _check_rates(cls, value: str) -> str:
        try:
            if value:
                parse_many(value)
        except ValueError as error:
            raise ValueError(
                "a rate is expected, such as 60/minute, or several: 5/second; 1000/day"
            ) from error
        return value

    @field_validator("redis")
    @classmethod
    def _check_redis(cls, value: str, known: ValidationInfo) -> str:
        workers = known.data.get("workers", 1)
        if workers > 1 and known.data.get("rate_limit") and not value:
            raise ValueError(
                f"{workers} workers have no memory in common to count BITRUN_RATE_LIMIT in: set "
                f"this to redis://HOST:6379, or BITRUN_WORKERS to 1"
            )
        return value

    @field_validator("store")
    @classmethod
    def _check_store(cls, value: str) -> str:
        if value and not value.startswith("/") and not _REDIS.match(value):
            raise ValueError(
                "the store is the absolute path of a file, or a Redis server such as "
                "redis://HOST:6379"
            )
        return value

    @field_validator("node_url")
    @classmethod
    def _check_node_url(cls, value: str, known: ValidationInfo) -> str:
        if value and not known.data.get("redis"):
            raise ValueError("nodes find each other in a Redis server: set BITRUN_REDIS, too")
        if value == "auto" and str(known.data["redis"]).startswith("redis+unix:"):
            raise ValueError("over a Unix socket, Redis shows no address of this node: set its URL")
        return value

    @field_validator("pool_pinned", "warm_kernels", mode="before")
    @classmethod
    def _split_pairs(cls, value: object) -> object:
        if isinstance(value, str):
            return dict(pair.partition("=")[::2] for pair in value.replace(",", " ").split())
        return value

    def share(self) -> Self:
        """Return the settings of one worker: its part of what the workers divide among them."""
        if self.workers == 1:
            return self
        divided = ("pool_size", "pool_memory", "body_memory", "compile_cache")
        pinned = {name: -(-boxes // self.workers) for name, boxes in self.pool_pinned.items()}
        return self.model_copy(
            update={name: getattr(self, name) // self.workers for name in divided}
            | {"pool_pinned": pinned}
        )

    @property
    def pool_places(self) -> int:
        """Capacity of the pool in boxes, limited by number and by memory."""
        return min(self.pool_size, self.pool_memory // IDLE_BOX_MEMORY)

    @property
    def store_url(self) -> str:
        """The Redis server of the store; empty if it is a file."""
        where = self.store or self.redis
        return where if _REDIS.match(where) else ""

    @property
    def allow_list(self) -> AllowList:
        """The hosts that sandboxes and the packages of the catalogue may be allowed to reach."""
        return AllowList.parse(self.egress)

    @property
    def batch_places(self) -> int:
        """Boxes that all batches of a worker have at once: the other half is for other requests."""
        return max(1, self.max_runs // 2 // self.workers)

    @property
    def used_memory(self) -> int:
        """Maximum memory in bytes of used boxes that wait to be discarded.

        A burst of as many Node.js programs as the pool has places fits: 32, of 14 MB each.
        """
        return 2 * self.pool_memory

    @property
    def v1_timeout_ms(self) -> int:
        return round(self.v1_timeout * 1000)


def load() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: one of them is invalid, or a variable with the prefix is no setting.
    """
    problems = list(_unknown_variables())
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [
            f"{_place(*problem['loc'])}: {describe(problem, _EXAMPLES.get(str(problem['loc'][0])))}"
            for problem in error.errors(include_url=False)
        ]
    if settings is None or problems:
        raise SettingsError("\n".join(problems))
    return settings


def _place(field: str | int, *inside: str | int) -> str:
    """Name a variable and, where it is a list or pairs, the entry, counted from 1."""
    entries = (f"entry {each + 1}" if isinstance(each, int) else each for each in inside)
    return ": ".join((f"{PREFIX}{field}".upper(), *entries))


def _unknown_variables() -> Iterator[str]:
    """Name the variables that would be ignored: a misspelt limit or token is none."""
    known = [name.upper() for name in Settings.model_fields]
    for name in os.environ:
        upper = name.upper()  # pydantic accepts any case
        rest = upper.removeprefix(PREFIX)
        if rest not in (upper, *known) and upper not in _OTHERS:
            yield f"{name}: there is no such setting{suggestion(rest, known, PREFIX)}"
