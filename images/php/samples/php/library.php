<?php
session_start();
$_SESSION['answer'] = 42;
session_write_close();
session_start();
assert(mb_strtoupper('größe') === 'GRÖSSE');
assert(bcmul('2', '3') === '6' && gmp_strval(gmp_pow(2, 70)) === '1180591620717411303424');
assert((new NumberFormatter('de_DE', NumberFormatter::DECIMAL))->format(1234.5) === '1.234,5');
assert((string) simplexml_load_string('<a><b>1</b></a>')->b === '1');
assert((new PDO('sqlite::memory:'))->query('SELECT 6 * 7')->fetchColumn() == 42);
echo $_SESSION['answer'], "\n";
