<?php
function greeting() {
    return "Hello, module!";
}
