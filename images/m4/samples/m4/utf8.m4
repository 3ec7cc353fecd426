Größe 日本
include(`/dev/stdin')dnl
