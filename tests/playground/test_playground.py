"""The playground in a browser, as a user sees it."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.playground.conftest import Playground, Screen, each_screen
from tests.support.server import Server

pytestmark = pytest.mark.engine

Visit = Callable[..., Playground]
LOOP = "while True: pass"
WAIT = "import time\nprint('ready', flush=True)\ntime.sleep(60)"


@pytest.fixture(scope="module")
def bounded() -> Iterator[Server]:
    server = Server({"BITRUN_RUN_CPU_TIME": "300"})
    yield server
    server.stop()


# Running


def test_a_program_is_typed_run_and_answered(server: Server, visit: Visit, screen: Screen) -> None:
    playground = visit(server)
    playground.run("for _ in range(2):\n    print('Hi', input('Who? '))")
    expect(playground.input).to_be_focused()
    playground.expect_result_in_sight("Who?")
    playground.expect_usable()
    playground.page.keyboard.type("Ada\n")
    expect(playground.terminal).to_contain_text("Hi Ada")
    playground.page.keyboard.type("Bob\n")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("Hi Bob")
    assert playground.lines() == ["Who? Ada", "Hi Ada", "Who? Bob", "Hi Bob"]
    expect(playground.measured).to_have_text(re.compile(r"Time.*s.*CPU.*ms.*Memory.*MiB"))
    playground.expect_result_in_sight("Hi Bob")
    playground.expect_usable()
    # As before the run.
    expect(playground.run_button if screen.touch else playground.editor).to_be_focused()


def test_output_comes_as_it_is_written(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run(WAIT)
    expect(playground.terminal).to_have_text(re.compile("^ready *$"))
    expect(playground.verdict).to_have_text("Running …")
    playground.button("Stop").click()
    expect(playground.verdict).to_have_text("Ended by SIGTERM: terminated")
    expect(playground.run_button).to_be_focused()


@each_screen
def test_stderr_looks_different(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.give_input("\n")
    playground.run("import sys\nprint('good')\nprint('bad', file=sys.stderr)\nsys.exit(3)")
    expect(playground.verdict).to_have_text("Exit code 3")
    expect(playground.terminal).to_contain_text("bad")
    assert (playground.lines(), playground.stderr()) == (["good", "bad"], "bad")
    good, bad = (
        playground.terminal.get_by_text(text, exact=True).evaluate(
            "it => getComputedStyle(it).color"
        )
        for text in ("good", "bad")
    )
    assert good != bad
    playground.expect_result_in_sight("bad")
    playground.expect_usable()
    # And for users of a screen reader.
    expect(playground.page.get_by_role("status").filter(has_text="error output")).to_have_count(1)


@each_screen
def test_the_output_is_a_terminal(server: Server, visit: Visit) -> None:
    """Whether a program has pipes or a terminal: lines are written over, and the cursor moves."""
    playground = visit(server)
    program = "print('0%\\r100%\\nlost\\033[1A\\033[4Dkept\\033[B')"
    for stdin in ("", "x"):
        playground.give_input(stdin)
        playground.run(program)
        expect(playground.verdict).to_have_text("Exit code 0")
        expect(playground.terminal).to_contain_text("kept")
        assert playground.lines() == ["kept", "lost"]
        playground.expect_result_in_sight("lost")
    playground.expect_usable()


@each_screen
def test_long_output_stays_in_its_pane(server: Server, visit: Visit) -> None:
    playground = visit(server)
    program = (
        "import sys\nfor i in range(200): print('line', i, file=sys.stderr if i % 9 else sys.stdout)\n"
        "sys.exit('the end')"
    )
    for stdin in ("", "x"):
        playground.give_input(stdin)
        playground.run(program)
        expect(playground.verdict).to_have_text("Exit code 1")
        expect(playground.terminal).to_contain_text("the end")
        playground.expect_result_in_sight("the end")
        playground.expect_usable()
        # Nothing covers it, though the status takes several lines.
        playground.page.evaluate(
            "text => { document.querySelector('#verdict').textContent = text }", "long words " * 20
        )
        playground.page.wait_for_function(
            """() => {
                const lines = [...document.querySelectorAll("#terminal .xterm-rows > div")];
                const end = lines.find(line => line.textContent.includes("the end"));
                const result = document.querySelector(".result");
                return end && end.getBoundingClientRect().bottom <= result.getBoundingClientRect().top;
            }"""
        )
        playground.expect_usable()


@each_screen
def test_a_run_without_output_says_so(server: Server, visit: Visit) -> None:
    playground = visit(server)
    hint = playground.page.locator("#hint")
    expect(hint).to_have_text("The output of the program is shown here.")
    playground.run("pass")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(hint).to_have_text("The program wrote nothing.")
    expect(playground.page.locator("#terminal")).to_be_hidden()  # else it covers the hint
    expect(hint).to_be_in_viewport(ratio=1)
    playground.expect_result_in_sight()
    playground.expect_usable()
    playground.run("print()")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(hint).to_have_text("")


@each_screen
def test_the_output_is_searched(server: Server, visit: Visit, axe: str) -> None:
    playground = visit(server)
    expect(playground.button("Find")).to_be_hidden()
    playground.run("for i in range(500): print('line', i)")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("line 499")
    playground.press(playground.button("Find"))
    field = playground.page.get_by_label("Text to find")
    expect(field).to_be_focused()
    playground.page.keyboard.type("line 123\n")
    expect(playground.terminal).to_contain_text("line 123")
    found = playground.page.locator("#terminal .xterm-selection div").first
    expect(found).to_be_in_viewport(ratio=1)
    field.fill("line 1000")
    field.press("Enter")
    expect(playground.page.get_by_text("Not found")).to_be_in_viewport(ratio=1)
    playground.expect_usable(axe)
    field.press("Escape")
    expect(playground.button("Find")).to_be_focused()
    playground.page.locator("#terminal .xterm-screen").click()
    playground.page.keyboard.press("Home")
    expect(playground.terminal).to_contain_text("line 0")
    playground.page.keyboard.press("Control+F")
    expect(field).to_be_focused()


def test_a_refusal_says_what_to_do(serve: Callable[..., Server], visit: Visit) -> None:
    playground = visit(serve(max_body=2000))
    playground.run("#" * 3000)
    expect(playground.verdict).to_have_text(re.compile("2000|too large"))
    playground.run("print('small')")
    expect(playground.verdict).to_have_text("Exit code 0")


def test_a_program_that_will_not_stop_is_killed(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{WAIT}")
    expect(playground.terminal).to_have_text(re.compile("^ready *$"))
    playground.button("Stop").click()
    playground.button("Kill").click()
    expect(playground.verdict).to_have_text("Ended by SIGKILL: killed")


def test_keys_of_a_terminal(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run("import sys\nprint(len(sys.stdin.read()))")
    expect(playground.input).to_be_focused()
    playground.page.keyboard.type("12\n")
    playground.page.keyboard.press("Control+D")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_have_text(re.compile("^12 *3 *$"))
    expect(playground.editor).to_be_focused()  # as before the run
    playground.run(WAIT)
    expect(playground.input).to_be_focused()
    expect(playground.terminal).to_contain_text("ready")
    playground.page.keyboard.press("Control+C")
    expect(playground.verdict).to_have_text("Ended by SIGINT: interrupted")


def test_the_program_has_a_terminal(server: Server, visit: Visit, screen: Screen) -> None:
    playground = visit(server)
    playground.run(
        "import getpass, os, signal, sys\n"
        "show = lambda *_: print(*os.get_terminal_size(), flush=True)\n"
        "show()\n"
        "print(getpass.getpass('Secret? ')[::-1], all(map(os.isatty, range(3))))\n"
        "signal.signal(signal.SIGWINCH, show)\n"
        "for line in sys.stdin: pass\n"
        "print('end of input'); print('Again:', input())"
    )
    expect(playground.input).to_be_focused()
    expect(playground.terminal).to_contain_text("Secret?")  # getpass discards what is typed before
    playground.page.keyboard.type("word\n")
    expect(playground.terminal).to_contain_text("drow True")
    columns, rows = map(int, playground.lines()[0].split())
    assert (30 if screen.touch else 60) < columns < 200
    assert 10 < rows < 100
    assert playground.lines()[1:] == ["Secret?", "drow True"]
    playground.expect_usable()
    playground.page.set_viewport_size({"width": 320, "height": 700})
    expect(playground.terminal).not_to_contain_text(re.compile(r"drow True\s*$"))
    playground.press(playground.button("End input"))
    expect(playground.terminal).to_contain_text("end of input")
    lines = playground.lines()
    narrow = int(lines[lines.index("drow True") + 1].split()[0])
    assert narrow < columns
    playground.input.focus()
    playground.page.keyboard.type("more\n")
    expect(playground.terminal).to_contain_text("Again: more")
    expect(playground.verdict).to_have_text("Exit code 0")


def test_keys_that_edit_a_line(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.page.get_by_label("Language").select_option(label="Bash")
    playground.run(
        "read -e -p '? ' line\necho \"<$line>\"\nread -rsn 3 -p 'key? ' key\nprintf '%q' \"$key\""
    )
    expect(playground.input).to_be_focused()
    expect(playground.terminal).to_contain_text("?")
    for key in ("b", "d", "ArrowLeft", "c", "Home", "a", "End", "x", "Backspace", "Enter"):
        playground.page.keyboard.press(key)
    expect(playground.terminal).to_contain_text("key?")
    playground.page.keyboard.press("ArrowUp")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("E[")
    assert playground.lines() == ["? abcd", "<abcd>", "key? $'\\E[A'"]


def test_the_screen_of_a_program(server: Server, visit: Visit) -> None:
    playground = visit(server, color_scheme="light")
    playground.run(
        "import curses\n"
        "def main(screen):\n"
        "    curses.use_default_colors(); curses.init_pair(1, curses.COLOR_RED, -1)\n"
        "    screen.addstr(2, 4, 'menu', curses.color_pair(1) | curses.A_BOLD)\n"
        "    while (key := screen.getch()) != ord('q'):\n"
        "        screen.addstr(3, 4, curses.keyname(key).decode())\n"
        "curses.wrapper(main)\n"
        "print('\\033[38;2;0;0;160mtrue colour')"
    )
    expect(playground.input).to_be_focused()
    expect(playground.terminal).to_contain_text("menu")
    playground.page.keyboard.press("ArrowDown")
    expect(playground.terminal).to_contain_text("KEY_DOWN")
    assert playground.lines() == ["", "", "    menu", "    KEY_DOWN"]
    style = "piece => [getComputedStyle(piece).color, getComputedStyle(piece).fontWeight]"
    menu = playground.terminal.get_by_text("menu", exact=True)
    red, weight = menu.evaluate(style)
    assert (red, weight) == ("rgb(180, 35, 24)", "700")
    playground.button("Use dark colours").click()
    expect(menu).not_to_have_css("color", red)
    playground.input.focus()
    playground.page.keyboard.press("q")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).not_to_contain_text("menu")
    playground.button("Use light colours").click()
    text = playground.terminal.get_by_text("true colour", exact=True)
    expect(text).to_have_css("color", "rgb(0, 0, 160)")


def test_the_keyboard_leaves_a_terminal(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run("import sys\nprint(repr(input('? ')))")
    expect(playground.input).to_be_focused()
    playground.page.keyboard.press("Tab")
    expect(playground.input).to_be_focused()
    playground.page.keyboard.press("Shift+Tab")
    expect(playground.button("Stop")).to_be_focused()
    playground.input.focus()
    playground.page.keyboard.press("Enter")
    expect(playground.terminal).to_contain_text(r"'\t'")


def test_running_again_ends_what_runs(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run(WAIT)
    expect(playground.terminal).to_have_text(re.compile("^ready *$"))
    playground.run("print('next')")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_have_text(re.compile("^next *$"))


def test_arguments_and_input_given_before(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.page.get_by_text("Arguments and input").click()
    playground.page.get_by_label("Arguments").fill("""one 'and two' "th\\"ree" fo\\ ur ''""")
    playground.page.get_by_label("Input", exact=True).fill("a\nb")
    playground.run("import sys\nprint(sys.argv[1:], sys.stdin.read().split())")
    expect(playground.verdict).to_have_text("Exit code 0")
    arguments = ["one", "and two", 'th"ree', "fo ur", ""]
    expect(playground.terminal).to_contain_text("b']")
    assert "".join(playground.lines()) == f"{arguments} {['a', 'b']}"


def test_a_token_is_asked_for(serve: Callable[..., Server], visit: Visit) -> None:
    secret = "a-secret-of-some-length"
    phone = {"viewport": {"width": 390, "height": 664}, "is_mobile": True}
    playground = visit(serve(api_tokens=secret), **phone)
    playground.run("print('let in')")
    expect(playground.verdict).to_have_text("This server requires a token")
    token, form = playground.page.get_by_label("API token"), playground.page.locator("#token-form")
    expect(token).to_be_focused()
    expect(token).to_be_in_viewport(ratio=1)
    expect(form).to_contain_text("This server requires a token")
    token.press_sequentially("wrong\n")
    expect(playground.verdict).to_have_text("The token is not valid")
    expect(form).to_contain_text("The token is not valid")
    expect(token).to_be_in_viewport(ratio=1)
    token.fill(secret)
    token.press("Enter")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_have_text(re.compile("^let in *$"))
    assert playground.page.evaluate("Object.keys(localStorage)") == []
    # The browser logs both refusals, too.
    assert all(re.search("401|Authentication", it) for it in playground.complaints)
    playground.complaints.clear()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (LOOP, "Time limit exceeded: 300 ms of CPU time. It had written nothing"),
        (
            "print(1); print(2)\nwhile True: pass",
            "Time limit exceeded: 300 ms of CPU time. It had written 2 lines",
        ),
        ("print('y' * 99_999)", "Output limit exceeded: 65536 bytes on stdout"),
        ("import os\nos.write(2, b'y' * 99_999)", "Output limit exceeded: 65536 bytes on stderr"),
        ("import os\nos.abort()", "Ended by SIGABRT: aborted"),
    ],
)  # fmt: skip
def test_limits_in_words(bounded: Server, visit: Visit, program: str, words: str) -> None:
    playground = visit(bounded)
    playground.give_input("\n")
    playground.run(program)
    expect(playground.verdict).to_have_text(words)


@each_screen
def test_a_limit_in_sight(bounded: Server, visit: Visit) -> None:
    playground = visit(bounded)
    playground.run(f"print(*range(99), sep='\\n')\n{LOOP}")
    words = "Time limit exceeded: 300 ms of CPU time. It had written 99 lines"
    expect(playground.verdict).to_have_text(words)
    playground.expect_result_in_sight("98")
    playground.expect_usable()


def test_a_user_who_is_too_slow(serve: Callable[..., Server], visit: Visit) -> None:
    playground = visit(serve(session_timeout=1500, run_timeout=100))
    playground.run("input()")
    expect(playground.verdict).to_have_text(
        "Time limit exceeded: 1500 ms of wall time. It had written nothing"
    )


def test_memory_that_ran_out(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run("bytearray(10**9)")
    expect(playground.verdict).to_have_text("Memory limit exceeded: 268435456 bytes")


def test_a_program_that_does_not_compile(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.page.get_by_label("Language").select_option(label="C")
    playground.run("int main(")
    expect(playground.verdict).to_have_text("Not compiled: exit code 1")
    expect(playground.terminal).to_contain_text("error: expected")
    assert "error: expected" in playground.stderr()


def test_warnings_of_a_compiler_stay_above_the_terminal(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.page.get_by_label("Language").select_option(label="C")
    playground.run('#include <stdio.h>\n#warning careful\nint main(void) { puts("ran"); }')
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("ran")
    lines = playground.lines()
    assert "careful" in lines[0]
    assert lines[-1] == "ran"
    expect(playground.terminal.get_by_text("ran", exact=True)).not_to_have_class(
        re.compile("xterm-fg")
    )


def test_a_terminal_that_can_not_be_loaded(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.page.route("**/terminal-*.js", lambda route: route.abort())
    playground.run("print('unseen')")
    expect(playground.verdict).to_have_text("The server does not answer")
    expect(playground.button("Stop")).to_be_hidden()
    playground.page.unroute("**/terminal-*.js")
    playground.page.reload()
    playground.run("print('seen')")
    expect(playground.terminal).to_contain_text("seen")
    assert all("ERR_FAILED" in it for it in playground.complaints)
    playground.complaints.clear()


# Files and links


@each_screen
def test_files_as_tabs(server: Server, visit: Visit) -> None:
    playground = visit(server)
    files = playground.page.get_by_role("list", name="Files")
    playground.write("import helper")
    playground.button("Add a file").click()
    playground.page.keyboard.type("helper.py")
    playground.page.keyboard.press("Enter")
    playground.run("print('from the helper')")
    expect(playground.verdict).to_have_text("Exit code 0")
    playground.expect_usable()
    expect(playground.terminal).to_have_text(re.compile("^from the helper *$"))
    files.get_by_role("button", name="main.py", exact=True).click()
    expect(playground.editor).to_have_text("import helper")
    playground.button("Close helper.py").click()
    expect(files.get_by_role("button")).to_have_text(["main.py"])
    playground.page.keyboard.press("F2")
    playground.page.keyboard.type("other")
    playground.page.keyboard.press("Enter")
    expect(files.get_by_role("button")).to_have_text(["other.py"])
    playground.button("Run").click()
    expect(playground.verdict).to_have_text("Exit code 1")
    expect(playground.terminal).to_contain_text("No module named 'helper'")


def test_a_link_carries_the_program(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.page.get_by_label("Language").select_option(label="Ruby")
    playground.write("puts ARGV, $stdin.gets, 'größer 日本'")
    playground.button("Add a file").click()
    playground.page.keyboard.type("file2.rb")
    playground.page.keyboard.press("Enter")
    playground.write("# more\n" * 50)
    playground.page.get_by_text("Arguments and input").click()
    playground.page.get_by_label("Arguments").fill("an argument")
    playground.page.get_by_label("Input", exact=True).fill("a line")
    playground.button("Share").click()
    expect(playground.page.get_by_label("Link", exact=True)).not_to_have_value("")
    link = playground.page.get_by_label("Link", exact=True).input_value()
    assert link == playground.page.url
    assert len(link) < 600

    other = visit(server, link.removeprefix(server.url))
    expect(other.page.get_by_label("Language")).to_have_value("ruby")
    expect(other.page.get_by_role("list", name="Files").locator(".tab")).to_have_text(
        ["main.rb", "file2.rb"]
    )
    expect(other.verdict).to_have_text("Ready")  # a link runs nothing by itself
    other.run_button.click()
    expect(other.verdict).to_have_text("Exit code 0")
    expect(other.terminal).to_contain_text("größer 日本")
    assert other.lines() == ["an", "argument", "a line", "größer 日本"]

    # Later changes survive a reload.
    other.write("puts 'changed'")
    other.page.reload()
    expect(other.editor).to_have_text("puts 'changed'")


@pytest.mark.parametrize(
    "fragment", ["x", "AAAA", "q1YqSy0qzszPU7JSMlLSUcpNzMxTsqpWSixITE5VsqpWKkrMS1eyUlKqrQUA"]
)
def test_a_broken_link(server: Server, visit: Visit, fragment: str) -> None:
    playground = visit(server, f"/#program={fragment}")
    expect(playground.verdict).to_have_text("The link is broken: no program can be read from it")
    expect(playground.editor).to_contain_text("What is your name?")


def test_each_language_has_a_sample_and_keeps_its_changes(server: Server, visit: Visit) -> None:
    playground = visit(server)
    language = playground.page.get_by_label("Language")
    playground.write("print('mine')")
    language.select_option(label="PHP")
    expect(playground.editor).to_contain_text("<?php")
    language.select_option(label="Python")
    expect(playground.editor).to_have_text("print('mine')")


# Users and devices


@each_screen
def test_by_keyboard_alone(server: Server, visit: Visit) -> None:
    playground = visit(server)
    press = playground.page.keyboard.press

    def tab_to(label: str) -> None:
        for _ in range(20):
            press("Tab")
            if (
                playground.page.evaluate(
                    "document.activeElement.ariaLabel || document.activeElement.innerText"
                )
                .strip()
                .startswith(label)
            ):
                return
        pytest.fail(f"the keyboard does not get to {label}")

    tab_to("Language")
    playground.page.keyboard.type("Bash")
    tab_to("Text of main.sh")
    press("ControlOrMeta+A")
    playground.page.keyboard.type('if read -r line; then\n\techo "got $line"\nfi')
    press("Control+Enter")
    expect(playground.input).to_be_focused()
    playground.page.keyboard.type("it\n")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_have_text(re.compile("^it *got it *$"))
    press("Shift+Tab")
    tab_to("Text of main.sh")
    press("Escape")
    tab_to("Arguments and input")


def test_dark_and_light(server: Server, visit: Visit) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    playground = visit(server, color_scheme="dark")
    dark = playground.page.evaluate(ground)
    playground.button("Use light colours").click()
    light = playground.page.evaluate(ground)
    assert (dark, light) == ("rgb(17, 19, 21)", "rgb(244, 244, 241)")
    playground.page.reload()
    assert playground.page.evaluate(ground) == light
    playground.button("Use dark colours").click()
    assert playground.page.evaluate(ground) == dark


@each_screen
def test_accessibility(server: Server, visit: Visit, axe: str) -> None:
    playground = visit(server)
    playground.press(playground.button("Add a file"))
    playground.page.keyboard.type("data.csv")
    playground.page.keyboard.press("Enter")
    playground.press(playground.page.get_by_text("Arguments and input"))
    playground.press(playground.button("Share"))
    expect(playground.page.get_by_label("Link", exact=True)).to_be_focused()
    playground.expect_usable()
    playground.press(playground.button("main.py"))
    playground.run("print('\\033[31mred \\033[90mgrey'); input('? ')")
    expect(playground.input).to_be_focused()
    expect(playground.terminal).to_contain_text("grey")
    playground.expect_usable(axe)


# Attacks


@pytest.mark.attack(
    "program", "output that is HTML, script or terminal codes, in the playground", "shown as text"
)
def test_output_stays_text(server: Server, visit: Visit) -> None:
    playground = visit(server)
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    codes = (
        r"\033]0;title\007\033]8;;http://example.com\033\\link\033]8;;\033\\\033[1;31mred\033[0m\a!"
    )
    program = f"print('{evil}')\nprint('{codes}')"
    playground.run(program)
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("linkred!")
    assert "".join(playground.lines()) == f"{evil}linkred!"
    assert playground.page.locator("#terminal").locator("img, script, a").count() == 0
    assert playground.page.title() == "BitRun"
    playground.give_input("\n")
    playground.run(program)
    expect(playground.terminal).to_contain_text("linkred!")
    assert "".join(playground.lines()) == f"{evil}linkred!"
    assert playground.page.locator("#terminal").locator("img, script, a").count() == 0
    expect(playground.terminal.locator(".xterm-bold")).to_have_text("red")


@pytest.mark.attack(
    "program",
    "links in its output, in the playground",
    "opened on a click only, and only of the web",
)
@each_screen
def test_links_in_the_output(server: Server, visit: Visit) -> None:
    playground = visit(server)
    context = playground.page.context
    context.route("http://example.com/**", lambda route: route.fulfill(body="there"))
    playground.run("print('http://example.com/a'); print('javascript:alert(1)//http')")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("javascript:")
    assert len(context.pages) == 1
    with context.expect_page() as opened:
        playground.press_output("javascript:alert(1)//http", is_link=False)
        playground.press_output("http://example.com/a", is_link=True)
    opened.value.wait_for_load_state()
    assert opened.value.evaluate("[location.href, opener, document.referrer]") == [
        "http://example.com/a", None, "",
    ]  # fmt: skip
    assert len(context.pages) == 2


@pytest.mark.attack(
    "program",
    "a flood of output, in the playground",
    "the tab keeps the last 10,000 lines",
)
def test_a_flood(serve: Callable[..., Server], visit: Visit) -> None:
    playground = visit(serve(output_limit=4_000_000))
    program = "print(*range(300_000), 'end', sep='\\n')"
    playground.run(program)
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("end")
    assert playground.lines()[-2:] == ["299999", "end"]
    playground.give_input("\n")
    playground.run(program)
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("end")
    assert playground.lines()[-2:] == ["299999", "end"]


@pytest.mark.attack("request", "a link that inflates to gigabytes", "refused in the browser")
def test_a_link_that_is_a_bomb(server: Server, visit: Visit) -> None:
    bomb = "new Blob([new Uint8Array(2**27)]).stream().pipeThrough(new CompressionStream('deflate-raw'))"
    playground = visit(server)
    fragment = playground.page.evaluate(
        f"new Response({bomb}).arrayBuffer().then(packed => '#program=' + btoa(String.fromCharCode("
        "...new Uint8Array(packed).slice(0, 60000))))"
    )
    playground.page.evaluate("fragment => { location.hash = fragment }", fragment)
    expect(playground.verdict).to_have_text("The link is broken: no program can be read from it")


@pytest.mark.attack(
    "request", "script inserted into the playground's page", "blocked by its policy"
)
def test_the_policy(server: Server, visit: Visit) -> None:
    playground = visit(server)
    for attempt in (
        "document.body.innerHTML = '<img src=x onerror=alert(1)>'",
        "document.head.append(Object.assign(document.createElement('script'), {text: 'window.x = 1'}))",
    ):
        with pytest.raises(Exception, match=r"TrustedHTML|TrustedScript"):
            playground.page.evaluate(attempt)
    assert len(playground.complaints) >= 2
    playground.complaints.clear()
