"""What a program finds in its box: hosts, its user, locales, libraries, and the text of its own.

Each of these failed in a box that had an empty `/etc/hosts`, no entry for its uid, only `C.UTF-8`, no
libraries beyond the core, and the program's bytes as sent.
"""

import pytest

from tests.execution.test_as_at_home import Program, check
from tests.support.piston import execute, request
from tests.support.server import Server

pytestmark = pytest.mark.engine

BOM = "\ufeff"

HOSTS = (
    Program("a server and its client", "python",
            "import http.server, threading, urllib.request as r\n"
            "class H(http.server.BaseHTTPRequestHandler):\n"
            " def do_GET(s): s.send_response(200); s.end_headers(); s.wfile.write(b'hi')\n"
            " def log_message(s, *_): pass\n"
            "h = http.server.HTTPServer(('localhost', 8080), H)\n"
            "threading.Thread(target=h.serve_forever, daemon=True).start()\n"
            "print(r.urlopen('http://localhost:8080').read())", "b'hi'\n"),
    Program("its own name", "python",
            "import socket; print(socket.gethostbyname(socket.gethostname()), socket.getfqdn('localhost'))",
            "127.0.0.1 localhost\n"),
    Program("the name of an address", "python", "import socket; print(socket.gethostbyaddr('::1')[0])",
            "localhost\n"),
    Program("fetch", "javascript",
            "require('http').createServer((q, a) => a.end('hi')).listen(8080, async function () {\n"
            "console.log(await (await fetch('http://localhost:8080/')).text()); process.exit(0) })", "hi\n"),
    Program("all addresses", "javascript",
            "require('dns').lookup('localhost', { all: true }, (e, a) => console.log(a.map(x => x.address).sort()))",
            "[ '127.0.0.1', '::1' ]\n"),
    Program("its own name", "javascript",
            "require('dns').promises.lookup(require('os').hostname(), 4).then(a => console.log(a.address))",
            "127.0.0.1\n"),
    Program("TCPServer", "ruby",
            "require 'socket'\ns = TCPServer.new('localhost', 8080)\nThread.new { s.accept.puts 'hi' }\n"
            "puts TCPSocket.new('127.0.0.1', 8080).gets rescue puts TCPSocket.new('::1', 8080).gets", "hi\n"),
    Program("its own name", "ruby", "require 'socket'\nputs IPSocket.getaddress(Socket.gethostname) != nil", "true\n"),
    Program("a stream of its own", "php",
            "<?php $s = stream_socket_server('tcp://localhost:8080'); $c = stream_socket_client('tcp://localhost:8080');"
            " fwrite(stream_socket_accept($s), 'hi'); echo fread($c, 9), gethostbyname('localhost');", "hi127.0.0.1"),
    Program("both families", "c",
            "#include <netdb.h>\n#include <stdio.h>\nint main(void) { struct addrinfo *a, h = {.ai_socktype = 1};\n"
            'int n = 0; if (getaddrinfo("localhost", "80", &h, &a)) return 1;\n'
            'for (; a; a = a->ai_next) n += a->ai_family; printf("%d\\n", n == AF_INET + AF_INET6); }', "1\n"),
    Program("hosts and services", "bash", "getent hosts 127.0.0.1 | awk '{print $2}'; head -1 /etc/hosts | cut -f1",
            "localhost\n127.0.0.1\n"),
)  # fmt: skip

USER = (
    Program("whoami", "bash", "whoami; id -un; id -gn; echo ~user; groups; stat -c %U .", "user\nuser\nuser\n/tmp\nuser\nuser\n"),
    Program("variables", "bash", "echo $USER $LOGNAME $HOME $TERM", "user user /tmp dumb\n"),
    Program("getpass", "python", "import getpass, os; os.environ.clear(); print(getpass.getuser())", "user\n"),
    Program("owners and homes", "python",
            "import os, pathlib; p = pathlib.Path('main.py'); print(p.owner(), p.group(), os.path.expanduser('~user'))\n"
            "os.environ.clear(); print(pathlib.Path.home())", "user user /tmp\n/tmp\n"),
    Program("os.userInfo", "javascript",
            "const u = require('os').userInfo(); console.log(u.username, u.homedir, u.shell)", "user /tmp /bin/sh\n"),
    Program("Etc", "ruby", "require 'etc'\nputs Etc.getpwuid.name, Etc.getlogin, Dir.home('user'), Etc.getgrgid(Process.gid).name",
            "user\nuser\n/tmp\nuser\n"),
    Program("posix", "php", "<?php echo posix_getpwuid(posix_geteuid())['name'], get_current_user(), posix_getgrgid(posix_getgid())['name'];",
            "useruseruser"),
    Program("getpwuid", "c++", '#include <pwd.h>\n#include <unistd.h>\n#include <iostream>\nint main() { std::cout '
            '<< getpwuid(getuid())->pw_name << getpwnam("user")->pw_dir << std::endl; }', "user/tmp\n"),
)  # fmt: skip

TEXTS = (
    Program("CRLF", "bash", 'if true; then\r\n  for i in 1 2; do\r\n    case $i in 1) echo "$i";; esac\r\n  done\r\nfi\r\n', "1\n"),
    Program("CRLF and a here-document", "bash", 'cat <<EOF\r\na\r\nEOF\r\nread -r x <<< b\r\necho "$x"', "a\nb\n"),
    Program("a byte order mark", "bash", BOM + "#!/bin/bash\r\necho hi\r\n", "hi\n"),
    Program("CRLF and a heredoc", "php", "<?php\r\necho strlen(<<<A\r\na\r\nb\r\nA);\r\n", "3"),
    Program("a byte order mark before a declaration", "php",
            BOM + "<?php declare(strict_types=1);\r\nnamespace A;\r\necho __NAMESPACE__;", "A"),
    Program("a shebang with CRLF", "php", "#!/usr/bin/env php\r\n<?php\r\necho 'hi';", "hi"),
    Program("CRLF, a heredoc and DATA", "ruby", "p <<~A\r\n  a\r\nA\r\np DATA.read\r\n__END__\r\nb\r\n", '"a\\n"\n"b\\n"\n'),
    Program("a byte order mark and a magic comment", "ruby",
            BOM + "# frozen_string_literal: true\r\np ''.frozen?\r\n", "true\n"),
    Program("a byte order mark and a shebang", "javascript", BOM + "#!/usr/bin/env node\r\nconsole.log(`a\r\nb`.length)", "3\n"),
    Program("a byte order mark and a shebang", "python", BOM + "#!/usr/bin/python\r\nprint(len('''a\r\nb'''))", "3\n"),
    Program("a continued line", "c", '#include <stdio.h>\r\n#define A(x) \\\r\n  puts(x)\r\nint main(void) { A("hi"); }\r\n', "hi\n"),
    Program("a raw string", "c++", '#include <iostream>\r\nint main() { std::cout << sizeof R"(a\r\nb)"; }', "4"),
    Program("data stays as sent", "python",
            {"main.py": "print(open('data', 'rb').read(), open('b.sh', 'rb').read())\r\n", "data": BOM + "a\r\n",
             "b.sh": "c\r\n"}, "b'\\xef\\xbb\\xbfa\\r\\n' b'c\\r\\n'\n"),
)  # fmt: skip

LIBRARIES = (
    Program("en_US.UTF-8", "python", "import locale; locale.setlocale(locale.LC_ALL, 'en_US.UTF-8')\n"
            "print(locale.currency(1234.5, grouping=True))", "$1,234.50\n"),
    Program("en_US.UTF-8", "c", '#include <locale.h>\n#include <stdio.h>\nint main(void) { setlocale(LC_ALL, "en_US.UTF-8");\n'
            """printf("%'d\\n", 1234567); }""", "1,234,567\n"),
    Program("en_US.UTF-8", "c++", '#include <iostream>\n#include <locale>\nint main() { std::cout.imbue(std::locale("en_US.UTF-8")); '
            "std::cout << 1234567; }", "1,234,567"),
    Program("en_US.UTF-8", "bash", """LC_ALL=en_US.UTF-8 printf "%'d\\n" 1234567""", "1,234,567\n"),
    Program("a terminal that is none", "bash", "tput cols; tput bold; echo $?", "80\n1\n"),
    Program("python beside python3", "python",
            "import subprocess; print(subprocess.run(['python', '-c', 'print(1)'], capture_output=True).stdout)", "b'1\\n'\n"),
    Program("multibyte strings", "php", "<?php echo mb_strtoupper('größe'), mb_strlen('日本');", "GRÖSSE2"),
    Program("long numbers", "php", "<?php echo bcpow('2', '70'), gmp_strval(gmp_fact(20));", "11805916207174113034242432902008176640000"),
    Program("intl", "php", "<?php echo (new NumberFormatter('de_DE', NumberFormatter::DECIMAL))->format(1234.5),"
            " Normalizer::normalize(\"e\\u{301}\") === 'é';", "1.234,51"),
    Program("XML", "php", "<?php $d = new DOMDocument; $d->loadXML('<a><b>1</b></a>');"
            " echo $d->getElementsByTagName('b')[0]->textContent, simplexml_load_string('<a c=\"2\"/>')['c'];", "12"),
    Program("SQLite", "php", "<?php $p = new PDO('sqlite:a.db'); $p->exec('create table t (a); insert into t values (42)');"
            " echo (new SQLite3('a.db'))->querySingle('select a from t');", "42"),
    Program("sessions", "php", "<?php session_start(); $_SESSION['a'] = 1; session_write_close(); $_SESSION = [];"
            " session_start(); echo $_SESSION['a'];", "1"),
    Program("lodash", "javascript", "console.log(require('lodash').chunk([1, 2, 3], 2))", "[ [ 1, 2 ], [ 3 ] ]\n"),
    Program("lodash, imported", "javascript", {"main.mjs": "import _ from 'lodash'; console.log(_.sum([1, 2]))"}, "3\n"),
    Program("moment, uuid, axios, chalk", "javascript",
            "console.log(require('moment')('2020-02-28').add(2, 'd').format('L'), require('uuid').v4().length,\n"
            "typeof require('axios').get, typeof require('chalk').red)", "03/01/2020 36 function function\n"),
    Program("<regex>", "c++", '#include <bits/stdc++.h>\nint main() { std::cout << std::regex_match("aab", std::regex("a+b")); }', "1"),
)  # fmt: skip


@pytest.mark.parametrize(
    "program",
    HOSTS + USER + TEXTS + LIBRARIES,
    ids=lambda program: f"{program.language}: {program.what}",
)
def test_a_program(server: Server, program: Program) -> None:
    check(server, program)


# `volatile`, or the compiler leaves the array out.
ARRAY = """int main(int c, char **v) {
    volatile int *a = malloc(40);
    a[c + %d] = c;
    int r = a[c + %d];
    free((void *)a);
    return r - 1;
}
"""


@pytest.mark.parametrize("language", ["c", "c++"])
@pytest.mark.parametrize("kind", ["address", "undefined", "thread", "leak"])
def test_a_sanitizer_accepts_a_right_program(server: Server, language: str, kind: str) -> None:
    reply = sanitized(server, language, kind, offset=1)
    assert (reply["code"], reply["stderr"]) == (0, "")


def test_a_sanitizer_finds_a_fault(server: Server) -> None:
    reply = sanitized(server, "c", "address", offset=20)
    assert reply["code"] == 1
    assert "heap-buffer-overflow" in str(reply["stderr"])


def sanitized(server: Server, language: str, kind: str, *, offset: int) -> dict[str, object]:
    source = "#include <stdlib.h>\n" + ARRAY % (offset, offset)
    if language == "c++":
        source = source.replace("malloc", "(int *)malloc")
    body = request(language, source, compile_args=[f"-fsanitize={kind}", "-g"])
    reply = execute(server, body).json()
    assert isinstance(reply, dict)
    run = reply["run"]
    assert isinstance(run, dict)
    return run
