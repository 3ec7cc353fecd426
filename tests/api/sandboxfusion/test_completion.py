"""Which code of a model's answer is run."""

import time

import pytest

from bitrun.api.sandboxfusion.completion import extract_code

FENCE = "```"


@pytest.mark.parametrize(
    ("completion", "code"),
    [
        (f"Text\n{FENCE}python\nprint(1)\n{FENCE}\nmore", "print(1)"),
        (f"{FENCE}Python\na\n\nb\n  \n  {FENCE}", "a\n\nb"),
        (f"{FENCE}cpp\nno\n{FENCE}\n{FENCE}py\nyes\n{FENCE}\n{FENCE}py\nno\n{FENCE}", "yes"),
        (f"{FENCE}\nfirst\n{FENCE}\n{FENCE}cpp\nsecond\n{FENCE}", "first"),
        (f"{FENCE}python\nprint('''\n'''+'{FENCE}')\n{FENCE}", f"print('''\n'''+'{FENCE}')"),
        (f"before {FENCE} py\nx = 1\n{FENCE} after", "x = 1"),
        (f"{FENCE}py\ncut of", "cut of"),
        (f"no line {FENCE}", ""),
        ("Sure!\nimport math\n\ndef f(x):\n    return x\n\n    # end\nBye", None),
        ("nothing", ""),
        ("", ""),
    ],
)
def test_python(completion: str, code: str | None) -> None:
    expected = "import math\ndef f(x):\n    return x\n    # end\n" if code is None else code
    assert extract_code(completion, "python", {"python", "py"}) == expected


def test_other_languages() -> None:
    assert extract_code("\necho a\n\necho b", "bash", {"bash"}) == "echo a\necho b\n"
    assert extract_code("The query:\nSELECT a\nFROM b; Done", "sql", {"sql"}) == "SELECT a\nFROM b"
    assert extract_code("int main() {}", "cpp", {"cpp"}) == ""


@pytest.mark.parametrize(
    "piece", ["\n", FENCE, f"{FENCE}\n", f" {FENCE}", "def f():\n", "import a\n", " \n", "`\n"]
)
def test_it_takes_linear_time(piece: str) -> None:
    for prefix in ("", f"{FENCE}python\n"):
        started = time.process_time()
        for _ in range(4):
            extract_code(prefix + piece * 50_000, "python", {"python"})
        short = time.process_time() - started
        started = time.process_time()
        extract_code(prefix + piece * 800_000, "python", {"python"})
        assert time.process_time() - started < 40 * short + 1
