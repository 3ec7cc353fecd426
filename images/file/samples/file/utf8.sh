#!/bin/sh
echo "Größe 日本"
cat
