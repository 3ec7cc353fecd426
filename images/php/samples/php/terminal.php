<?php
echo "name? ";
$name = trim(fgets(STDIN));
echo "Hello, $name!\n";
