source helper.tcl
puts [greeting]
