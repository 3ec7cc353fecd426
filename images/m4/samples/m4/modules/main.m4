include(`helper.m4')dnl
greeting
