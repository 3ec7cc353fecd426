import std/posix

let user = getpwuid(getuid())
echo user.pw_name, " ", user.pw_dir
