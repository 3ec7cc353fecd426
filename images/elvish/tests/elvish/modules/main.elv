use ./helper

helper:greeting
