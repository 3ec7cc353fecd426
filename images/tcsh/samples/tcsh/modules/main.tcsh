source helper.tcsh
greeting
