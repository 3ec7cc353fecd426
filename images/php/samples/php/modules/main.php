<?php
require "helper.php";

echo greeting(), "\n";
