puts "$tcl_platform(user) [file normalize ~user]"
