. ./helper.sh
greeting
