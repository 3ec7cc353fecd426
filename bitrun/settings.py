"""Every setting: one `BITRUN_*` environment variable each, read once, frozen."""

from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
MEBIBYTE = 1024 * 1024

WordList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """What an operator can set.

    `docs/settings.md` has a row for each. A value that does not fit raises
    `pydantic.ValidationError`, and the service does not start.
    """

    model_config = SettingsConfigDict(env_prefix="BITRUN_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=5000, ge=1, le=65535)
    threads: int = Field(default=32, ge=1, le=1024)

    languages: Path = ROOT / "config" / "languages.yml"
    images: Path = ROOT / "images"
    packages: WordList = ("python", "ruby", "php", "node", "bash", "gcc")
    allowed_images: WordList = ()

    api_tokens: WordList = Field(default=(), repr=False)
    cors_origin: str = "*"
    max_body: int = Field(default=10_000_000, ge=1)

    run_timeout: float = Field(default=10.0, gt=0, le=3600)
    memory_limit: int = Field(default=256 * MEBIBYTE, ge=6 * MEBIBYTE)
    output_limit: int = Field(default=65536, ge=1)
    max_processes: int = Field(default=64, ge=1)
    max_open_files: int = Field(default=2048, ge=16)
    max_file_size: int = Field(default=10_000_000, ge=0)
    workdir_size: int = Field(default=64 * MEBIBYTE, ge=4096)
    workdir_inodes: int = Field(default=4096, ge=16)
    cpus: float = Field(default=1.0, gt=0)

    engine_timeout: float = Field(default=60.0, gt=0)

    @field_validator("packages", "allowed_images", "api_tokens", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word for word in value.replace(",", " ").split() if word)
        return value

    @cached_property
    def run_timeout_ms(self) -> int:
        return round(self.run_timeout * 1000)
