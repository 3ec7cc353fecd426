"""Programs print what they print in a terminal or a plain container: names, streams, ends, texts.

What is expected was compared with `docker run` of the same images as an ordinary user.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests.support.piston import execute, request
from tests.support.server import Server

MAIN = {
    "bash": "main.sh", "c": "main.c", "c++": "main.cpp", "javascript": "main.js", "php": "main.php",
    "python": "main.py", "ruby": "main.rb",
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """A program and its end. `stderr` is a part of it; an empty one means that there is none."""

    what: str
    language: str
    files: str | Mapping[str, str]
    stdout: str
    code: int | str = 0  # or the name of a signal
    stderr: str = ""
    stdin: str = ""
    args: Sequence[str] = ()


PROGRAMS = (
    # Names.
    Program("named as a module of the library", "python",
            {"random.py": "import random; print(random.__name__, random.x)", "x": ""},
            "", 1, "AttributeError"),
    Program("beside a file that is named as a module of the library", "python",
            {"main.py": "import string; print(string.x)", "string.py": "x = 3"}, "3\n"),
    Program("spaces, accents", "python", {"my prog é.py": "print(__file__)"}, "/box/my prog é.py\n"),
    Program("composed and decomposed", "python",
            {"caf\u00e9.py": "import os; print(ascii(sorted(os.listdir())))", "cafe\u0301.py": ""},
            "['cafe\\u0301.py', 'caf\\xe9.py']\n"),
    Program("names that differ in case only", "python",
            {"main.py": "import os; print(sorted(os.listdir()))", "MAIN.PY": "", "Main.py": ""},
            "['MAIN.PY', 'Main.py', 'main.py']\n"),
    Program("a name that looks like an option", "python",
            {"-c.py": "import sys; print(sys.argv)"}, "['./-c.py', '-c', '--', '-']\n",
            args=("-c", "--", "-")),
    Program("a long name", "python", {"x" * 200 + ".py": "print(len(__file__))"}, "208\n"),
    Program("__main__.py", "python", {"__main__.py": "print(__name__)"}, "__main__\n"),
    Program("a package", "python",
            {"main.py": "from pkg.sub import b; print(b.y)", "pkg/__init__.py": "", "pkg/a.py": "x = 1",
             "pkg/sub/__init__.py": "", "pkg/sub/b.py": "from .. import a\ny = a.x + 1"}, "2\n"),
    Program("paths are relative to the request, not to the program", "python",
            {"src/main.py": "print(open('data').read(), open('src/own').read())", "data": "D", "src/own": "O"},
            "D O\n"),
    Program("a package of npm", "javascript",
            {"main.js": "console.log(require('own').y)", "node_modules/own/index.js": "exports.y = 3"}, "3\n"),
    Program("package.json makes modules", "javascript",
            {"main.js": "import { x } from './a.js'; console.log(x)", "a.js": "export const x = 2",
             "package.json": '{"type": "module"}'}, "2\n"),
    Program("modules in folders, JSON, top-level await", "javascript",
            {"main.mjs": "import { x } from './lib/a.mjs';\nconst { default: j } = await import('./j.json', "
                         "{ with: { type: 'json' } }); console.log(x, j.a)",
             "lib/a.mjs": "export const x = 1", "j.json": '{"a": 2}'}, "1 2\n"),
    Program("named as a built-in module", "javascript",
            {"fs.js": "console.log(typeof require('fs').readFileSync, require.main === module)"},
            "function true\n"),
    Program("a header in a folder with spaces", "c",
            {"main.c": '#include "my lib/a b.h"\nint main(void) { return X; }', "my lib/a b.h": "#define X 5"},
            "", 5),
    Program("a script in a folder", "bash",
            {"main.sh": '. lib/a.sh; f; . "$(dirname "$0")/lib/a.sh"', "lib/a.sh": "f() { echo ${BASH_SOURCE[0]}; }"},
            "lib/a.sh\n"),
    Program("require_relative and a traceback", "ruby",
            {"main.rb": "require_relative 'lib/a'\nf", "lib/a.rb": "def f\n  raise ArgumentError, 'x'\nend"},
            "", 1, "/box/lib/a.rb:2:in `f': x (ArgumentError)\n"),
    Program("include and __DIR__", "php",
            {"main.php": "<?php require 'lib/a.php'; require_once __DIR__ . '/lib/a.php'; echo f();",
             "lib/a.php": "<?php function f() { return basename(__DIR__); }"}, "lib"),
    Program("a shebang for another version", "python", "#!/usr/bin/env python2\nprint('ran')", "ran\n"),
    Program("a shebang", "javascript", "#!/usr/bin/env node\nconsole.log('ran')", "ran\n"),
    # Arguments.
    Program("arguments", "bash", 'printf "[%s]" "$@"', "[a b][]['\"][\n][$HOME][*][é][-n]",
            args=("a b", "", "'\"", "\n", "$HOME", "*", "é", "-n")),
    Program("arguments", "ruby", "p ARGV", '["-x", "", "é\\n"]\n', args=("-x", "", "é\n")),
    Program("arguments", "php", "<?php echo json_encode(array_slice($argv, 1));", '["-v","","--"]',
            args=("-v", "", "--")),
    # Standard input.
    Program("no newline at its end, and reading after it", "python",
            "import sys; print(repr(sys.stdin.read()), repr(sys.stdin.read()))\ninput()",
            "'a\\nb\\n' ''\n", 1, "EOFError", stdin="a\nb"),
    Program("control characters", "python", "import sys; print(sys.stdin.buffer.read())",
            "b'\\x00\\x01\\x7f\\x1a\\x04\\xc3\\xbf\\n'\n", stdin="\0\x01\x7f\x1a\x04ÿ"),
    Program("whole lines", "bash", 'while IFS= read -r l; do echo "<$l>"; done', "<a>\n<>\n<  b\\c >\n",
            stdin="a\n\n  b\\c "),
    Program("scanf at the end", "c",
            '#include <stdio.h>\nint main(void) { int a; char s[9]; int n = scanf("%d %8s %d", &a, s, &a);\n'
            'printf("%d %d %s %d\\n", n, a, s, getchar()); }', "2 42 abc -1\n", stdin="42 abc"),
    Program("numbers until the end", "c++",
            "#include <iostream>\nint main() { std::ios::sync_with_stdio(false); long s = 0, n;\n"
            'while (std::cin >> n) s += n; std::cout << s << "\\n"; }', "6\n", stdin="1 2\n\n3"),
    Program("lines as events", "javascript",
            "require('readline').createInterface({ input: process.stdin })\n"
            ".on('line', l => console.log('>' + l)).on('close', () => console.log('end'))",
            ">1\n>2\nend\n", stdin="1\n2"),
    Program("descriptor 0", "javascript", "console.log(JSON.stringify(require('fs').readFileSync(0, 'utf8')))",
            '"a b\\n"\n', stdin="a b"),
    Program("readline", "php", "<?php while (($l = fgets(STDIN)) !== false) echo '<', rtrim($l), '>'; var_dump(feof(STDIN));",
            "<a><b>bool(true)\n", stdin="a\nb"),
    Program("gets", "ruby", "p gets, gets, gets, $stdin.read, $stdin.tty?", '"a\\n"\n"b\\n"\nnil\n""\nfalse\n',
            stdin="a\nb"),
    # Ends.
    Program("exit codes are a byte", "bash", "exit 300", "", 44),
    Program("exit codes are a byte", "python", "import sys; sys.exit(-1)", "", 255),
    Program("exit with a sentence", "python", "import sys; sys.exit('bye')", "", 1, "bye\n"),
    Program("an exit code that is set", "javascript",
            "process.on('exit', c => console.log('exit', c)); process.exitCode = 9", "exit 9\n", 9),
    Program("a promise that nobody catches", "javascript", "Promise.reject(new Error('r'))", "", 1, "Error: r"),
    Program("a promise that never comes", "javascript", {"main.mjs": "await new Promise(() => {})"}, "", 13),
    Program("abort", "c", '#include <assert.h>\n#include <stdio.h>\nint main(void) { puts("x"); fflush(stdout); assert(1 == 2); }',
            "x\n", "SIGABRT", "main.c:3: main: Assertion `1 == 2' failed."),
    Program("a division by zero", "c", "int main(void) { volatile int z = 0; return 7 / z; }", "", "SIGFPE"),
    Program("an exception that nobody catches", "c++", '#include <stdexcept>\nint main() { throw std::runtime_error("boom"); }',
            "", "SIGABRT", "what():  boom"),
    Program("output of a process without a flush", "c",
            '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("lost"); _exit(3); }', "", 3),
    Program("a signal to itself", "python", "import os, signal; os.kill(os.getpid(), signal.SIGINT)", "", "SIGINT",
            "KeyboardInterrupt"),
    Program("a signal that is caught", "ruby", "trap('TERM') { puts 't'; exit 4 }; Process.kill('TERM', $$); sleep 5",
            "t\n", 4),
    Program("a signal that is caught", "javascript",
            "process.on('SIGTERM', () => { console.log('t'); process.exit(5) }); process.kill(process.pid, 'SIGTERM');"
            "setTimeout(() => {}, 5000)", "t\n", 5),
    Program("at_exit and abort", "ruby", "at_exit { puts 'bye' }; abort 'ab'", "bye\n", 1, "ab\n"),
    Program("an error that nobody catches", "php", "<?php function f() { throw new Exception('x'); }\nf();",
            "", 255, "/box/main.php:1\nStack trace:\n#0 /box/main.php(2): f()\n"),
    Program("a command that does not exist", "bash", "nosuch; echo $?; touch f; ./f; echo $?", "127\n126\n", 0,
            "main.sh: line 1: nosuch: command not found\nmain.sh: line 1: ./f: Permission denied\n"),
    Program("an unset variable", "bash", "set -u; echo $x; echo not", "", 1, "main.sh: line 1: x: unbound variable\n"),
    # Processes and files.
    Program("a program that it writes", "bash", "printf '#!/bin/sh\\necho from $0\\n' > x; chmod +x x; ./x; PATH=. x",
            "from ./x\nfrom ./x\n"),
    Program("children in shells", "python",
            "import subprocess as s; print(s.run('yes | head -n 2; exit 3', shell=True, capture_output=True))",
            "CompletedProcess(args='yes | head -n 2; exit 3', returncode=3, stdout=b'y\\ny\\n', stderr=b'')\n"),
    Program("children in coroutines", "python",
            "import asyncio\nasync def main():\n p = await asyncio.create_subprocess_shell('cat; echo e >&2; exit 3', "
            "stdin=-1, stdout=-1, stderr=-1)\n print(await p.communicate(b'in'), p.returncode)\nasyncio.run(main())",
            "(b'in', b'e\\n') 3\n"),
    Program("a pool of processes", "python",
            "import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n"
            " with m.Pool(2) as p: print(p.map(f, range(4)))\n"
            " with m.get_context('spawn').Pool(1) as p: print(p.map(f, [9]))", "[0, 1, 4, 9]\n[81]\n"),
    Program("threads", "python",
            "import threading, queue\nq = queue.Queue()\nt = [threading.Thread(target=q.put, args=(i,)) for i in range(20)]\n"
            "[x.start() for x in t]; [x.join() for x in t]; print(sum(q.get() for _ in t))", "190\n"),
    Program("threads", "c++", "#include <future>\n#include <iostream>\nint main() { auto f = std::async(std::launch::async, "
            '[] { return 7; }); std::cout << f.get() << "\\n"; }', "7\n"),
    Program("a worker and a child", "javascript",
            {"main.js": "const { Worker, isMainThread, parentPort } = require('worker_threads');\n"
                        "if (isMainThread) new Worker(__filename).on('message', m => { console.log(m);\n"
                        "require('child_process').fork('./k.js').on('message', m => console.log(m)) })\n"
                        "else parentPort.postMessage(6 * 7)", "k.js": "process.send({ a: 1 })"}, "42\n{ a: 1 }\n"),
    Program("fork and backticks", "ruby",
            "r, w = IO.pipe\nif fork then w.close; puts r.read; Process.wait; p $?.exitstatus\n"
            "else r.close; w.write 'c'; exit! 3 end\np `echo hi; exit 2`, $?.exitstatus", 'c\n3\n"hi\\n"\n2\n'),
    Program("shell_exec", "php", "<?php echo shell_exec('echo hi'); exec('exit 4', $o, $c); echo $c;", "hi\n4"),
    Program("redirections", "bash", "exec 3>&1; echo 3 >&3; echo o >/dev/stdout; cat /dev/stdin <<< in; diff <(echo a) <(echo a)",
            "3\no\nin\n"),
    Program("popen and system", "c",
            '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { char b[9]; FILE *p = popen("echo hi; exit 3", "r");\n'
            'fgets(b, 9, p); printf("%s%d %d\\n", b, pclose(p) >> 8, system("exit 4") >> 8); }', "hi\n3 4\n"),
    Program("temporary files", "python",
            "import tempfile, os; f = tempfile.NamedTemporaryFile(); print(os.path.dirname(f.name))", "/tmp\n"),
    Program("a database", "python",
            "import sqlite3; c = sqlite3.connect('a.db'); c.execute('create table t (x)'); c.execute('insert into t values (1)')\n"
            "c.commit(); print(c.execute('select * from t').fetchall())", "[(1,)]\n"),
    Program("its own file is the program's", "python",
            "import os; open('main.py', 'a').write('#'); os.rename('main.py', 'x'); print(os.listdir())", "['x']\n"),
    # Texts, numbers, times.
    Program("identifiers and output beyond ASCII", "python", "größe = 3; 变量 = 4; print('é中🦊', größe + 变量)", "é中🦊 7\n"),
    Program("encodings", "python", "import sys, locale; print(sys.stdout.encoding, sys.getfilesystemencoding(), locale.getpreferredencoding())",
            "utf-8 utf-8 UTF-8\n"),
    Program("encodings", "ruby", "p Encoding.default_external, 'É'.downcase, 'é'.unicode_normalize(:nfd).length",
            '#<Encoding:UTF-8>\n"é"\n2\n'),
    Program("encodings", "bash", "x=ÄÖ; echo ${#x} ${x,,}; printf 'b\\nA\\na\\n' | sort | tr '\\n' ' '", "2 äö\nA a b "),
    Program("wide characters", "c",
            '#include <locale.h>\n#include <stdio.h>\n#include <stdlib.h>\nint main(void) { wchar_t b[9]; setlocale(LC_ALL, "");\n'
            'printf("%zu\\n", mbstowcs(b, "é中", 9)); }', "2\n"),
    Program("progress and colours", "python", "print('\\r1%', end='', flush=True); print('\\r\\x1b[31mred\\x1b[0m')",
            "\r1%\r\x1b[31mred\x1b[0m\n"),
    Program("warnings", "python", "import warnings; warnings.warn('w'); print('out')", "out\n", 0, "/box/main.py:1: UserWarning: w"),
    Program("large integers", "python", "print(2 ** 200, len(str(10 ** 4000)))", f"{2**200} 4001\n"),
    Program("large integers", "javascript", "console.log(String(2n ** 200n), 0.1 + 0.2)", f"{2**200} 0.30000000000000004\n"),
    Program("large integers", "ruby", "puts 2 ** 200, Integer.sqrt(10 ** 20)", f"{2**200}\n{10**10}\n"),
    Program("overflow", "bash", "echo $((2 ** 63)) $((16#ff))", "-9223372036854775808 255\n"),
    Program("formats of a locale", "javascript",
            "console.log(new Intl.NumberFormat('de-DE').format(1234567.89), "
            "new Date(0).toLocaleString('en-GB', { timeZone: 'Asia/Tokyo' }))", "1.234.567,89 01/01/1970, 09:00:00\n"),
    Program("time zones", "python",
            "import datetime as d; from zoneinfo import ZoneInfo as Z; print(d.datetime(2024, 7, 1, tzinfo=Z('Europe/Berlin')), "
            "d.datetime.now().astimezone().tzname())", "2024-07-01 00:00:00+02:00 UTC\n"),
    Program("time zones", "bash", "TZ=America/New_York date -d @0 +%H:%M; date -d @0 +%Z", "19:00\nUTC\n"),
    Program("time zones", "php", "<?php echo (new DateTime('@0'))->setTimezone(new DateTimeZone('Asia/Tokyo'))->format('c'), "
            "date_default_timezone_get();", "1970-01-01T09:00:00+09:00UTC"),
    Program("deep recursion", "python", "def f(n): return f(n + 1)\ntry: f(0)\nexcept RecursionError as e: print(e)",
            "maximum recursion depth exceeded\n"),
    Program("deep recursion", "javascript", "let n = 0; const f = () => { n++; f() }; try { f() } catch (e) { console.log(e instanceof RangeError, n > 5000) }",
            "true true\n"),
    Program("deep recursion", "ruby", "def f(n) = f(n + 1)\nbegin; f(0); rescue SystemStackError; puts $!.message; end", "stack level too deep\n"),
    Program("much output", "python", "print('x' * 60000)", "x" * 60000 + "\n"),
    Program("much output", "javascript", "process.stdout.write('x'.repeat(60000)); process.exit(0)", "x" * 60000),
    Program("randomness", "bash", "head -c 3 /dev/urandom | wc -c; [ $RANDOM != $RANDOM ] || echo same", "3\n"),
    Program("the data of a script", "ruby", "puts DATA.read, __LINE__\n__END__\nthe data\n", "the data\n1\n"),
    Program("HTML around a program", "php", "<b><?= 1 + 1 ?></b>\n<?php exit(3);", "<b>2</b>\n", 3),
)  # fmt: skip


@pytest.mark.engine
@pytest.mark.parametrize(
    "program", PROGRAMS, ids=[f"{each.language}: {each.what}" for each in PROGRAMS]
)
def test_a_program(server: Server, program: Program) -> None:
    check(server, program)


def check(server: Server, program: Program) -> None:
    """Run a program and compare all that came of it."""
    files = program.files
    if isinstance(files, str):
        files = {MAIN[program.language]: files}
    sent = [{"name": name, "content": content} for name, content in files.items()]
    body = request(program.language, stdin=program.stdin, args=list(program.args)) | {"files": sent}
    stage = execute(server, body).json()["run"]
    ended = stage["signal"] or stage["code"]
    assert (stage["stdout"], ended) == (program.stdout, program.code), stage
    assert program.stderr in stage["stderr"]
    assert bool(program.stderr) == bool(stage["stderr"]), stage


@pytest.mark.also_engine
@pytest.mark.parametrize(
    ("command", "content", "output"),
    [
        ("perl a.sh x", 'print "@ARGV ", scalar reverse("abc"), "\\n"; print <STDIN>; exit 3', "x cba\nin"),
        ("awk -f a.sh", '{ n += NF } END { print n, toupper("a"); exit 3 }', "1 A\n"),
        ("sed -f a.sh; exit 3", "s/i/I/", "In"),
        ("sh a.sh 'a b' ''", "echo $#; cat; exit 3", "2\nin"),
    ],
)  # fmt: skip
def test_other_languages_by_a_command(
    server: Server, command: str, content: str, output: str
) -> None:
    response = server.run(filename="a.sh", content=content, command=command, input="in")
    assert (response.text, response.headers["X-Run-Exitcode"]) == (output, "3")
