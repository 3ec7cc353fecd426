# coding: utf-8
print "Größe 日本"
print raw_input()
