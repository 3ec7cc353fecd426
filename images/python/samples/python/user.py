import getpass
import os
import pwd

entry = pwd.getpwuid(os.getuid())
assert getpass.getuser() == entry.pw_name
assert os.path.expanduser("~user") == entry.pw_dir
print(entry.pw_name, entry.pw_dir)
