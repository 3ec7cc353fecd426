echo `whoami` ~user
